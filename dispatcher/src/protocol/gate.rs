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
    fn nothing_is_written_late_or_on_a_lost_lease() {
        assert!(may_write(s(49), s(90), s(35), true));
        assert!(!may_write(s(50), s(90), s(35), true));
        assert!(!may_write(s(0), s(90), s(35), false));
        assert!(!may_write(s(0), s(40), s(35), true));
    }
}
