//! Waiting times between attempts.

/// Seconds to wait after attempt number `attempt` (1 = the first) before the next one.
///
/// The upper end doubles with each attempt and never passes `max_seconds`: `c = min(max, base × 2^attempt)`. The lower
/// end is half of it and never below `base_seconds`: `f = max(base, c / 2)`. `jitter`, a uniform random number in
/// 0..1 that the caller draws, picks the point between them. So the first wait lies in base..2·base, the second in
/// 2·base..4·base, and once the limit is reached in max/2..max: work that failed together does not come back together,
/// and a rule "not before `base`" holds for every attempt. `base = max` gives exactly that delay.
///
/// Inputs out of range are brought into it: `attempt` below 1 counts as 1, `max_seconds` below `base_seconds` as equal
/// to it, `jitter` is clamped.
pub fn delay_seconds(base_seconds: f64, max_seconds: f64, attempt: i32, jitter: f64) -> f64 {
    let base = base_seconds.max(0.0);
    let ceiling = (base * 2_f64.powi(attempt.max(1))).min(max_seconds.max(base));
    let floor = base.max(ceiling / 2.0);
    floor + (ceiling - floor) * jitter.clamp(0.0, 1.0)
}
