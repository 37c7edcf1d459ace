//! Whether a claimed text may still be asked of Twilio: the last question before its request.

use std::time::Duration;

/// Kept free between the end of the longest request and the end of the lease.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// Time after the claim in which a request may still be started: it then ends before the lease does.
pub(crate) fn write_budget(lease: Duration, request_timeout: Duration) -> Duration {
    lease.saturating_sub(request_timeout + LEASE_MARGIN)
}

/// A process that was frozen or starved must not send on a lease that somebody may have taken meanwhile: `since_claim` is
/// counted from before the claim was sent to Postgres, by a clock that goes on while the machine sleeps; `holds` says
/// whether the lease is ours as far as we know.
pub(crate) fn may_write(
    since_claim: Duration,
    lease: Duration,
    request_timeout: Duration,
    holds: bool,
) -> bool {
    holds && since_claim < write_budget(lease, request_timeout)
}

/// Twilio's ValidityPeriod, counted from the request on: `validity` was from the claim on. Outer `None`: it is over, and the text
/// may not be sent any more; inner `None`: it has no end.
pub(crate) fn validity_left(validity: Option<i32>, since_claim: Duration) -> Option<Option<i32>> {
    let Some(seconds) = validity else {
        return Some(None);
    };
    let passed = i32::try_from(since_claim.as_secs()).unwrap_or(i32::MAX);
    let left = seconds.saturating_sub(passed);
    (left > 0).then_some(Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_longest_request_ends_before_the_lease() {
        assert_eq!(write_budget(s(90), s(35)), s(50));
        assert_eq!(write_budget(s(40), s(35)), s(0));
        assert_eq!(write_budget(s(10), s(35)), s(0));
    }

    #[test]
    fn what_is_valid_runs_out_between_claim_and_request() {
        assert_eq!(validity_left(None, s(40)), Some(None));
        assert_eq!(
            validity_left(Some(60), Duration::from_millis(900)),
            Some(Some(60))
        );
        assert_eq!(validity_left(Some(60), s(40)), Some(Some(20)));
        assert_eq!(validity_left(Some(60), s(60)), None);
        assert_eq!(validity_left(Some(1), s(0)), Some(Some(1)));
    }

    #[test]
    fn nothing_is_written_late_or_on_a_lost_lease() {
        assert!(may_write(s(49), s(90), s(35), true));
        assert!(!may_write(s(50), s(90), s(35), true));
        assert!(!may_write(s(0), s(90), s(35), false));
        assert!(!may_write(s(0), s(40), s(35), true));
    }
}
