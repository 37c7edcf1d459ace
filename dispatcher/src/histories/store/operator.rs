//! What an operator does by hand.

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;

use super::reports::Report;
use super::{Attempt, Store};

impl Store {
    /// The attempt of a message that `resolve_sms_message` decides.
    pub(in crate::histories) fn in_doubt_now(&self, place: usize) -> Option<i32> {
        let mut attempts = self.ledger.range((place, 0)..(place, i32::MAX)).rev();
        attempts
            .find(|(_, row)| row.resolve_at.is_some())
            .map(|((_, attempt), _)| *attempt)
    }

    /// `resolve_sms_message`: accepted with a SID, or not sent.
    pub(in crate::histories) fn resolve(&mut self, place: usize, sid: Option<&str>, now: i64) {
        let Some(attempt) = self.in_doubt_now(place) else {
            return;
        };
        match sid {
            Some(sid) => {
                let report = Report {
                    place,
                    attempt,
                    sid,
                    word: "accepted",
                    error_code: None,
                };
                self.callback(&report, now);
            }
            None => self.not_sent(place, attempt, now),
        }
    }

    /// requeue_messages.sql
    pub(in crate::histories) fn requeue(&mut self, place: usize, now: i64) -> bool {
        let message = &self.messages[place];
        let has_failed = matches!(
            message.status,
            MessageStatus::Failed | MessageStatus::Undelivered
        );
        let is_dead = has_failed && message.batch.is_none();
        if is_dead {
            self.set(place, MessageStatus::Pending, true);
            let message = &mut self.messages[place];
            message.attempts = 0;
            message.end_reason = None;
            message.due.get_or_insert(now);
        }
        is_dead
    }

    /// arm.sql, by an operator: what is due now, a retry, or in doubt may have been sent from the database that this one is a
    /// copy of.
    pub(in crate::histories) fn arm(&mut self, now: i64) -> i32 {
        let mut quarantined = 0;
        self.armed_at = Some(now);
        let doubts = self.ledger.values_mut();
        for doubt in doubts.filter(|row| row.resolve_at.is_some()) {
            doubt.resolve_at = Some(now + self.rules.decision_wait);
            doubt.resolve_lot = None;
            doubt.claim = None;
            doubt.absent_at = None;
        }
        for place in 0..self.messages.len() {
            let message = &self.messages[place];
            let waits = message
                .due
                .is_some_and(|due| due <= now || message.last_attempt > 0);
            if !waits || message.status != MessageStatus::Pending {
                continue;
            }
            let earlier = self.ledger.range((place, 0)..(place, i32::MAX));
            let before = earlier.map(|(_, row)| row.finished).max();
            let message = &mut self.messages[place];
            message.due = None;
            message.due_lot = None;
            message.sid = None;
            message.attempts += 1;
            message.last_attempt += 1;
            let attempt = Attempt {
                reason: Some("quarantine"),
                ..Attempt::new(before.unwrap_or(message.created), now, Outcome::Unknown)
            };
            self.doubt(place, attempt, now + self.rules.decision_wait, now);
            quarantined += 1;
        }
        quarantined
    }
}
