//! Time that passes while the machine sleeps, for deadlines that somebody else counts as well.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on `CLOCK_BOOTTIME`. Linux' monotonic clock (`std::time::Instant`) stands still during suspend, the lease
/// in the database does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BootTime(Duration);

impl BootTime {
    /// The present moment.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanoseconds))
    }

    /// Time since this moment.
    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_forward() {
        let start = BootTime::now();
        assert!(start.0 > Duration::ZERO);
        assert!(start.elapsed() >= Duration::ZERO);
        assert!(BootTime::now().0 >= start.0);
    }
}
