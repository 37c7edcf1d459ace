//! The queues of the senders: each sends so many segments a second, and holds so many hours of that.
//!
//! Source: <https://help.twilio.com/articles/115002943027>.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_core::twilio_keywords::SenderKind;
use serde::{Deserialize, Serialize};

use crate::clock::later;

/// Segments a second by kind of sender, and the length of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QueueRates {
    us_long_code: f64,
    toll_free: f64,
    other_number: f64,
    short_code: f64,
    alphanumeric: f64,
    /// A queue is full when it holds what the sender sends in this time.
    queue_seconds: f64,
}

/// When each sender is through with what it has.
#[derive(Debug, Default)]
pub(crate) struct SenderQueues(HashMap<String, DateTime<Utc>>);

/// What a sender has for one more message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It leaves at this time.
    At(DateTime<Utc>),
    /// Its turn comes after this message has expired; it takes no place.
    TooLate,
    /// The queue is full.
    QueueFull,
}

/// The rates make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("sender_queues: {0} must be over 0 and at most 1000000")]
pub(crate) struct InvalidRate(&'static str);

impl Default for QueueRates {
    /// Twilio's rates and its ten hours.
    fn default() -> Self {
        Self {
            us_long_code: 1.0,
            toll_free: 3.0,
            other_number: 10.0,
            short_code: 100.0,
            alphanumeric: 10.0,
            queue_seconds: 36_000.0,
        }
    }
}

impl QueueRates {
    /// Refuses rates nobody can wait for.
    pub(crate) fn check(&self) -> Result<(), InvalidRate> {
        let figures = [
            ("us_long_code", self.us_long_code),
            ("toll_free", self.toll_free),
            ("other_number", self.other_number),
            ("short_code", self.short_code),
            ("alphanumeric", self.alphanumeric),
            ("queue_seconds", self.queue_seconds),
        ];
        match figures
            .iter()
            .find(|(_, figure)| !(*figure > 0.0 && *figure <= 1e6))
        {
            Some((name, _)) => Err(InvalidRate(name)),
            None => Ok(()),
        }
    }

    /// Segments a second of this sender.
    fn of(&self, sender: &str) -> f64 {
        match SenderKind::of(sender) {
            SenderKind::TollFree => self.toll_free,
            SenderKind::LongCode if sender.starts_with("+1") => self.us_long_code,
            SenderKind::LongCode => self.other_number,
            SenderKind::ShortCode => self.short_code,
            SenderKind::Alphanumeric => self.alphanumeric,
        }
    }
}

impl SenderQueues {
    /// Takes a place for a message of `segments` that comes at `now` and is worth nothing after `expires`.
    pub(crate) fn take(
        &mut self,
        sender: &str,
        segments: usize,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
        rates: &QueueRates,
    ) -> Turn {
        let free = self.0.get(sender).copied().unwrap_or(now).max(now);
        // The rates are checked: finite, over 0, and few segments.
        let own = Duration::from_secs_f64(segments as f64 / rates.of(sender));
        let ahead = (free - now).to_std().unwrap_or_default();
        if ahead + own > Duration::from_secs_f64(rates.queue_seconds) {
            return Turn::QueueFull;
        }
        if free > expires {
            return Turn::TooLate;
        }
        self.0.insert(sender.to_owned(), later(free, own));
        Turn::At(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: &str = "+14155550199";

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    #[test]
    fn rates_depend_on_the_kind_of_sender() {
        let rates = QueueRates::default();
        for (sender, rate) in [
            ("+14155550199", 1.0),
            ("+18005550199", 3.0),
            ("+447700900123", 10.0),
            ("12345", 100.0),
            ("HERALD", 10.0),
        ] {
            assert_eq!(rates.of(sender), rate, "{sender}");
        }
    }

    #[test]
    fn each_message_waits_for_the_segments_before_it() {
        let mut queues = SenderQueues::default();
        let rates = QueueRates::default();
        let noon = at("12:00:00");
        let mut take =
            |segments, now| queues.take(SENDER, segments, now, DateTime::<Utc>::MAX_UTC, &rates);
        assert_eq!(take(2, noon), Turn::At(noon));
        assert_eq!(take(1, noon), Turn::At(at("12:00:02")));
        assert_eq!(take(1, noon), Turn::At(at("12:00:03")));
        // The queue has run empty since.
        assert_eq!(take(1, at("12:01:00")), Turn::At(at("12:01:00")));
    }

    #[test]
    fn a_full_queue_refuses_and_what_expires_takes_no_place() {
        let mut queues = SenderQueues::default();
        let rates = QueueRates {
            queue_seconds: 3.0,
            ..QueueRates::default()
        };
        let noon = at("12:00:00");
        let never = DateTime::<Utc>::MAX_UTC;
        assert_eq!(queues.take(SENDER, 2, noon, never, &rates), Turn::At(noon));
        let soon = at("12:00:01");
        assert_eq!(queues.take(SENDER, 1, noon, soon, &rates), Turn::TooLate);
        assert_eq!(
            queues.take(SENDER, 1, noon, never, &rates),
            Turn::At(at("12:00:02"))
        );
        assert_eq!(queues.take(SENDER, 1, noon, never, &rates), Turn::QueueFull);
        // Another sender has its own queue.
        assert_eq!(
            queues.take("+14155550198", 1, noon, never, &rates),
            Turn::At(noon)
        );
    }

    #[test]
    fn rates_without_sense_are_refused() {
        let rates = |json: &str| serde_json::from_str::<QueueRates>(json).unwrap().check();
        assert_eq!(rates("{}"), Ok(()));
        assert_eq!(rates(r#"{"toll_free":0}"#), Err(InvalidRate("toll_free")));
        assert_eq!(
            rates(r#"{"queue_seconds":1e9}"#),
            Err(InvalidRate("queue_seconds"))
        );
        assert!(serde_json::from_str::<QueueRates>(r#"{"fax":1}"#).is_err());
    }
}
