//! Results of requests.

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;
use uuid::Uuid;

use super::failures::{Failing, Next};
use super::{Attempt, Store};
use crate::records::AttemptResult;
use crate::twilio::Answer;

impl Store {
    /// complete.sql: message and attempt of the results whose lease was lost.
    pub(in crate::histories) fn complete(
        &mut self,
        worker: Uuid,
        results: &[AttemptResult],
        now: i64,
    ) -> Vec<(Uuid, i32)> {
        let refused = results
            .iter()
            .filter(|result| !self.complete_one(worker, result, now));
        refused
            .map(|result| (result.message_id, result.attempt))
            .collect()
    }

    fn complete_one(&mut self, worker: Uuid, result: &AttemptResult, now: i64) -> bool {
        let Some(place) = self.place(result.message_id) else {
            return false;
        };
        let batch = self
            .batches
            .get(&result.batch_id)
            .filter(|batch| batch.worker == worker);
        let message = &self.messages[place];
        let is_ours = batch.is_some()
            && message.batch == Some(result.batch_id)
            && message.last_attempt == result.attempt;
        if self.rules.fence && !is_ours {
            return false;
        }
        let claimed_at = batch.map(|batch| batch.claimed_at);
        if let Some(batch) = self.batches.get_mut(&result.batch_id) {
            if message.batch == Some(result.batch_id) {
                batch.open -= 1;
            }
            if batch.open == 0 {
                self.batches.remove(&result.batch_id);
            }
        }
        let message = &mut self.messages[place];
        message.batch = None;
        let seen = if message.sid.is_some() {
            Outcome::Accepted
        } else {
            result.answer.outcome
        };
        message.error_code = result.answer.error_code.or(message.error_code);
        let elapsed = i64::try_from(result.answer.elapsed_ms).unwrap_or(0);
        let attempt = Attempt {
            http_status: result.answer.http_status,
            error_code: result.answer.error_code,
            reason: result.answer.reason,
            ..Attempt::new(now - elapsed, now, seen)
        };
        match seen {
            Outcome::Unknown => self.unknown(place, attempt, claimed_at, now),
            Outcome::Accepted => self.accepted(place, attempt, result, now),
            Outcome::Rejected | Outcome::NotSent => {
                self.unsent(place, attempt, claimed_at, &result.answer, now);
            }
        }
        true
    }

    fn unknown(&mut self, place: usize, attempt: Attempt, claimed_at: Option<i64>, now: i64) {
        self.messages[place].attempts += 1;
        self.in_doubt(place, attempt, claimed_at, now);
    }

    /// What is in doubt is looked for from its claim on, and first when the request is long enough ago.
    fn in_doubt(&mut self, place: usize, mut attempt: Attempt, claimed_at: Option<i64>, now: i64) {
        let resolve_at = attempt.started + self.rules.decision_wait;
        attempt.outcome = Outcome::Unknown;
        if let Some(claimed_at) = claimed_at.filter(|_| self.rules.doubt_from_claim) {
            attempt.started = claimed_at;
        }
        self.doubt(place, attempt, resolve_at, now);
    }

    fn accepted(&mut self, place: usize, mut attempt: Attempt, result: &AttemptResult, now: i64) {
        let message = &mut self.messages[place];
        message.attempts += 1;
        let sid = message.sid.clone().or_else(|| result.answer.sid.clone());
        message.sid.clone_from(&sid);
        attempt.sid = sid;
        let word = result.answer.twilio_status.as_deref();
        let told = word
            .and_then(MessageStatus::from_twilio)
            .unwrap_or(MessageStatus::Sending);
        if told.rank() > message.status.rank() {
            self.set(place, told, false);
        }
        self.ledger.insert((place, result.attempt), attempt);
        self.follow_up(place, now);
    }

    fn unsent(
        &mut self,
        place: usize,
        mut attempt: Attempt,
        claimed_at: Option<i64>,
        answer: &Answer,
        now: i64,
    ) {
        let message = &self.messages[place];
        let is_refused = attempt.outcome == Outcome::Rejected
            || answer.http_status.is_some()
            || answer.error_code.is_some();
        let number = message.last_attempt;
        let failing = Failing {
            rule: is_refused.then(|| Failing::rule(answer.http_status, answer.error_code)),
            error_code: answer.error_code,
            attempts_before: message.attempts,
            reason: answer.reason,
            retry_after: answer.retry_after_seconds,
        };
        let (attempts, outcome, next) = self.ruled(place, &failing, now);
        self.messages[place].attempts = attempts;
        if outcome == Outcome::Unknown {
            self.in_doubt(place, attempt, claimed_at, now);
            return;
        }
        attempt.outcome = outcome;
        self.ledger.insert((place, number), attempt);
        match next {
            Next::Again(lot) => self.again_within(place, lot),
            Next::Over => self.end(place, "refused"),
        }
    }
}
