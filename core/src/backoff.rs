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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_up_to_the_limit() {
        let ends = |attempt| {
            (
                delay_seconds(1.0, 60.0, attempt, 0.0),
                delay_seconds(1.0, 60.0, attempt, 1.0),
            )
        };
        assert_eq!(ends(1), (1.0, 2.0));
        assert_eq!(ends(2), (2.0, 4.0));
        assert_eq!(ends(5), (16.0, 32.0));
        assert_eq!(ends(6), (30.0, 60.0));
        assert_eq!(ends(i32::MAX), (30.0, 60.0));
        assert_eq!(delay_seconds(1.0, 60.0, 3, 0.5), 6.0);
    }

    #[test]
    fn odd_inputs_are_brought_into_range() {
        assert_eq!(delay_seconds(60.0, 60.0, 4, 0.7), 60.0);
        assert_eq!(delay_seconds(60.0, 10.0, 1, 0.7), 60.0);
        assert_eq!(delay_seconds(4.0, 60.0, 0, 0.0), 4.0);
        assert_eq!(delay_seconds(4.0, 60.0, i32::MIN, 0.0), 4.0);
        assert_eq!(delay_seconds(0.0, 0.0, 3, 0.5), 0.0);
        assert_eq!(delay_seconds(-5.0, -1.0, 3, 0.5), 0.0);
    }

    proptest! {
        #[test]
        fn stays_between_base_and_limit_and_never_shrinks(
            base in 0.001..10_000_f64,
            factor in 1.0..1_000_f64,
            attempt in 1..80_i32,
            jitter in 0.0..1.0_f64,
        ) {
            let max = base * factor;
            let delay = delay_seconds(base, max, attempt, jitter);
            prop_assert!((base..=max).contains(&delay));
            prop_assert!(delay_seconds(base, max, attempt + 1, jitter) >= delay);
            prop_assert!(delay_seconds(base, max, attempt, 1.0) >= delay);
        }
    }
}
