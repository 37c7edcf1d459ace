//! When to look for work again.

use std::time::Duration;

use tokio::time::Instant;

/// After a wake-up: transactions that were just committing, and those whose NOTIFY lost the race, show up by then.
const LOOK_AGAIN: [Duration; 3] = [
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
];
/// First wait when nothing is due.
const SHORTEST_POLL: Duration = Duration::from_millis(250);
/// Longest wait. NOTIFY is a hint; this is what holds when it never comes.
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// Wait when something is due that could not be claimed just now.
const DUE_POLL: Duration = Duration::from_millis(20);

/// Remembers wake-ups and how long nothing was found.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    woken: Option<(Instant, usize)>,
    poll: Duration,
}

impl Pace {
    /// There was work, or somebody said that there may be.
    pub(crate) fn woken(&mut self, now: Instant) {
        self.woken = Some((now, 0));
        self.poll = SHORTEST_POLL;
    }

    /// Nothing more could be claimed: how long to wait at most, if the next work that is known is due in `due_in`.
    /// Zero: something is due although nothing was claimed, because another daemon has its hands on it or because the
    /// last claim was all suppressed; neither takes long.
    pub(crate) fn wait(&mut self, now: Instant, due_in: Option<Duration>) -> Duration {
        if let Some((at, looked)) = self.woken {
            if let Some(after) = LOOK_AGAIN.get(looked) {
                self.woken = Some((at, looked + 1));
                return (at + *after).saturating_duration_since(now);
            }
            self.woken = None;
        }
        let poll = self.poll.clamp(SHORTEST_POLL, LONGEST_POLL);
        self.poll = poll * 2;
        match due_in {
            Some(Duration::ZERO) => DUE_POLL,
            Some(due_in) => due_in.min(poll),
            None => poll,
        }
    }

    /// Whether the looks after a wake-up are done, so that a plain poll comes next.
    pub(crate) fn is_idle(&self) -> bool {
        self.woken
            .is_none_or(|(_, looked)| looked >= LOOK_AGAIN.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn after_a_wake_up_it_looks_again_three_times_and_then_ever_more_rarely() {
        let mut pace = Pace::default();
        let start = Instant::now();
        pace.woken(start);
        assert_eq!(pace.wait(start + ms(1), None), ms(4));
        assert_eq!(pace.wait(start + ms(6), None), ms(19));
        assert!(!pace.is_idle());
        assert_eq!(pace.wait(start + ms(200), None), ms(0));
        assert!(pace.is_idle());
        assert_eq!(pace.wait(start + ms(200), None), ms(250));
        assert_eq!(pace.wait(start + ms(500), None), ms(500));
        assert_eq!(pace.wait(start + ms(1000), None), ms(1000));
        assert_eq!(pace.wait(start + ms(2000), None), ms(1000));
        pace.woken(start + ms(2100));
        assert_eq!(pace.wait(start + ms(2100), None), ms(5));
    }

    #[test]
    fn work_that_is_known_to_come_shortens_the_wait() {
        let mut pace = Pace::default();
        let now = Instant::now();
        assert_eq!(pace.wait(now, Some(ms(37))), ms(37));
        assert_eq!(pace.wait(now, Some(ms(60_000))), ms(500));
        assert_eq!(pace.wait(now, Some(Duration::ZERO)), ms(20));
    }
}
