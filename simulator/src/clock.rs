//! The simulator's clock: every timed thing here (courses of messages, pauses between callbacks, queues, expiry,
//! lifetimes of codes) reads it and sleeps on it. It runs with real time until a test moves it.
//!
//! Only what the client itself measures stays in real time: how long an answer is held back, how long a receiver of
//! callbacks may take.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The longest single wait in real time. Longer ones are several waits, so that no sum overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Largest `speed`: a day in less than a second.
const MAX_SPEED: f64 = 100_000.0;

/// A clock that can be moved, stopped and sped up. Who sleeps on it wakes when the clock, not real time, says so.
#[derive(Debug)]
pub(crate) struct Clock(watch::Sender<Hands>);

/// Where the clock was set, when that was, and how fast it has run since.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hands {
    set_to: DateTime<Utc>,
    set_at: DateTime<Utc>,
    speed: f64,
}

/// A change of the clock as it is posted; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockChange {
    /// Back to real time, before anything else is applied.
    #[serde(default)]
    real: bool,
    /// The time it shows now.
    set: Option<DateTime<Utc>>,
    /// Moved ahead by this many seconds, after `set`.
    advance_seconds: Option<f64>,
    /// Seconds of the clock in one real second: 1 is real time, 0 stands still.
    speed: Option<f64>,
}

/// What the clock shows.
#[derive(Debug, Serialize)]
pub(crate) struct ClockFace {
    now: DateTime<Utc>,
    speed: f64,
    /// How far it is ahead of real time.
    ahead_seconds: f64,
}

/// Why a change was refused; the clock stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub(crate) enum ClockError {
    /// Time goes back only by `set`.
    #[error(
        "advance_seconds {0} is not 0 or more, or leads out of the calendar; use set to go back"
    )]
    Advance(f64),
    /// Not a speed.
    #[error("speed {0} is not between 0 (stands still) and 100000")]
    Speed(f64),
}

impl Default for Clock {
    /// Real time.
    fn default() -> Self {
        Self(watch::Sender::new(Hands::real()))
    }
}

impl Clock {
    /// The time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.borrow().at(Utc::now())
    }

    /// The time, and how it runs.
    pub(crate) fn face(&self) -> ClockFace {
        let real = Utc::now();
        let hands = *self.0.borrow();
        let now = hands.at(real);
        ClockFace {
            now,
            speed: hands.speed,
            ahead_seconds: (now - real).as_seconds_f64(),
        }
    }

    /// Moves the clock and wakes whoever sleeps on it.
    pub(crate) fn change(&self, change: &ClockChange) -> Result<(), ClockError> {
        let real = Utc::now();
        let current = if change.real {
            Hands::real()
        } else {
            *self.0.borrow()
        };
        let speed = change.speed.unwrap_or(current.speed);
        if !(0.0..=MAX_SPEED).contains(&speed) {
            return Err(ClockError::Speed(speed));
        }
        let start = change.set.unwrap_or_else(|| current.at(real));
        let ahead = change.advance_seconds.unwrap_or(0.0);
        let set_to = Duration::try_from_secs_f64(ahead)
            .ok()
            .and_then(|ahead| TimeDelta::from_std(ahead).ok())
            .and_then(|ahead| start.checked_add_signed(ahead))
            .ok_or(ClockError::Advance(ahead))?;
        self.0.send_replace(Hands {
            set_to,
            set_at: real,
            speed,
        });
        Ok(())
    }

    /// Back to real time.
    pub(crate) fn reset(&self) {
        self.0.send_replace(Hands::real());
    }

    /// Sleeps until the clock shows `time`; returns at once when it is past already.
    pub(crate) async fn sleep_until(&self, time: DateTime<Utc>) {
        let mut moved = self.0.subscribe();
        loop {
            let hands = *moved.borrow_and_update();
            let Ok(left) = (time - hands.at(Utc::now())).to_std() else {
                return;
            };
            if left.is_zero() {
                return;
            }
            // The sender lives as long as `self`, so `changed` never fails.
            match hands.real_time_for(left) {
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, moved.changed()).await;
                }
                None => {
                    let _ = moved.changed().await;
                }
            }
        }
    }

    /// Sleeps for a time of the clock.
    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.after(time)).await;
    }

    /// The time in `wait` from now; the end of the calendar when there is none.
    pub(crate) fn after(&self, wait: Duration) -> DateTime<Utc> {
        later(self.now(), wait)
    }
}

/// `wait` after `time`; the end of the calendar when that is past it.
pub(crate) fn later(time: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| time.checked_add_signed(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Hands {
    fn real() -> Self {
        let now = Utc::now();
        Self {
            set_to: now,
            set_at: now,
            speed: 1.0,
        }
    }

    /// What the clock shows at this real time.
    fn at(self, real: DateTime<Utc>) -> DateTime<Utc> {
        let passed = real - self.set_at;
        // Real time goes through untouched: a factor of 1 would lose nanoseconds.
        let passed = if self.speed == 1.0 {
            passed
        } else {
            TimeDelta::nanoseconds((passed.as_seconds_f64() * self.speed * 1e9) as i64)
        };
        self.set_to
            .checked_add_signed(passed)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// How long `left` takes in real time, at most [`LONGEST_WAIT`]; `None` when the clock stands still.
    fn real_time_for(self, left: Duration) -> Option<Duration> {
        if self.speed == 0.0 {
            return None;
        }
        let wait = Duration::try_from_secs_f64(left.as_secs_f64() / self.speed);
        Some(wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn change(clock: &Clock, json: &str) -> Result<(), ClockError> {
        clock.change(&serde_json::from_str(json).unwrap())
    }

    fn shown(clock: &Clock) -> String {
        clock.now().format("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// A clock that stands still at noon.
    fn still() -> Clock {
        let clock = Clock::default();
        change(&clock, r#"{"set":"2026-11-22T12:00:00Z","speed":0}"#).unwrap();
        clock
    }

    #[test]
    fn it_shows_real_time_until_it_is_moved() {
        let clock = Clock::default();
        let before = Utc::now();
        let now = clock.now();
        assert!(before <= now && now <= Utc::now());
        assert_eq!(clock.face().speed, 1.0);
    }

    #[test]
    fn it_is_set_stopped_and_moved_ahead() {
        let clock = still();
        assert_eq!(shown(&clock), "2026-11-22T12:00:00");
        change(&clock, r#"{"advance_seconds":600.5}"#).unwrap();
        assert_eq!(
            clock.now(),
            "2026-11-22T12:10:00.5Z".parse::<DateTime<Utc>>().unwrap()
        );
        change(
            &clock,
            r#"{"set":"2026-11-22T11:00:00Z","advance_seconds":1}"#,
        )
        .unwrap();
        assert_eq!(shown(&clock), "2026-11-22T11:00:01");
        change(&clock, r#"{"real":true}"#).unwrap();
        assert!(clock.face().ahead_seconds.abs() < 60.0);
        assert_eq!(clock.face().speed, 1.0);
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let clock = still();
        for (json, error) in [
            (r#"{"advance_seconds":-1}"#, ClockError::Advance(-1.0)),
            (r#"{"advance_seconds":1e300}"#, ClockError::Advance(1e300)),
            (r#"{"speed":-1}"#, ClockError::Speed(-1.0)),
            (r#"{"speed":1e9}"#, ClockError::Speed(1e9)),
        ] {
            assert_eq!(change(&clock, json), Err(error), "{json}");
        }
        assert_eq!(shown(&clock), "2026-11-22T12:00:00");
    }

    #[test]
    fn a_fast_clock_shortens_waits() {
        let hands = Hands {
            speed: 60.0,
            ..Hands::real()
        };
        let minute = Duration::from_secs(60);
        assert_eq!(hands.real_time_for(minute), Some(Duration::from_secs(1)));
        assert_eq!(
            hands.at(hands.set_at + TimeDelta::seconds(2)) - hands.set_to,
            TimeDelta::minutes(2)
        );
        let slow = Hands {
            speed: 1e-300,
            ..hands
        };
        assert_eq!(slow.real_time_for(minute), Some(LONGEST_WAIT));
        let stopped = Hands {
            speed: 0.0,
            ..hands
        };
        assert_eq!(stopped.real_time_for(minute), None);
    }

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_gets_there_and_not_before() {
        let clock = Arc::new(still());
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep(Duration::from_secs(600)).await }
        });
        tokio::task::yield_now().await;
        change(&clock, r#"{"advance_seconds":599}"#).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!sleeper.is_finished());
        change(&clock, r#"{"advance_seconds":1}"#).unwrap();
        sleeper.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_past_needs_no_sleep_and_real_sleeps_end() {
        let clock = still();
        clock.sleep_until(DateTime::<Utc>::MIN_UTC).await;
        clock.sleep(Duration::ZERO).await;
        let real = Clock::default();
        real.sleep(Duration::from_millis(1)).await;
    }
}
