//! What follows from a failure: failure.sql and failures.sql.

use herald_core::backoff::delay_seconds;
use herald_core::catalogue::{self, ErrorCode, Retry, Surface};
use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;

use super::{Lot, MAX_ATTEMPTS, Store};

/// A failed attempt, as failure.sql reads it.
pub(super) struct Failing {
    /// The catalogue's word; none: the request never came about.
    pub(super) rule: Option<&'static ErrorCode>,
    pub(super) error_code: Option<i32>,
    pub(super) attempts_before: i32,
    pub(super) reason: Option<&'static str>,
    pub(super) retry_after: Option<u64>,
}

impl Failing {
    /// The rule for what Twilio answered to a request.
    pub(super) fn rule(http_status: Option<u16>, error_code: Option<i32>) -> &'static ErrorCode {
        catalogue::rule(Surface::Request, http_status, error_code)
    }
}

/// What becomes of the text.
pub(super) enum Next {
    /// It goes again at a time between these two.
    Again(Lot),
    /// It is given up.
    Over,
}

fn within(seconds: impl Fn(f64) -> f64, now: i64) -> Lot {
    let at = |jitter| now + (seconds(jitter) * 1000.0) as i64;
    (at(0.0), at(1.0))
}

impl Store {
    /// failure.sql: attempts that count now, what the ledger says, and what is next.
    pub(super) fn ruled(&self, place: usize, failing: &Failing, now: i64) -> (i32, Outcome, Next) {
        let number = self.messages[place].last_attempt;
        let Some(rule) = failing.rule else {
            let lot = self.lot(failing, number, 1, now);
            return (failing.attempts_before, Outcome::NotSent, Next::Again(lot));
        };
        let attempts = failing.attempts_before + i32::from(rule.counts_attempt);
        let allowed = MAX_ATTEMPTS.max(1 + rule.max_attempts.unwrap_or(0));
        let earlier = self.ledger.range((place, 0)..(place, number));
        let same = earlier.filter(|(_, row)| {
            failing.error_code.is_some() && row.error_code == failing.error_code
        });
        let repeats = 1 + i32::try_from(same.count()).unwrap_or(i32::MAX - 1);
        let is_over = match rule.retry {
            Retry::Stop => false,
            Retry::Never | Retry::NotApplicable => true,
            _ => {
                rule.counts_attempt && attempts >= allowed
                    || repeats > rule.max_attempts.unwrap_or(i32::MAX)
            }
        };
        let outcome = match rule.retry {
            Retry::Reconcile => Outcome::Unknown,
            Retry::NotApplicable => Outcome::Rejected,
            _ if rule.counts_attempt => Outcome::Rejected,
            _ => Outcome::NotSent,
        };
        let next = if is_over {
            Next::Over
        } else {
            Next::Again(self.lot(failing, number, repeats, now))
        };
        (attempts, outcome, next)
    }

    fn lot(&self, failing: &Failing, number: i32, repeats: i32, now: i64) -> Lot {
        if failing.reason == Some("shutdown") {
            return (now, now);
        }
        if let Some(seconds) = failing.retry_after {
            let at = now + i64::try_from(seconds).unwrap_or(0) * 1000;
            return (at, at);
        }
        let Some(rule) = failing.rule else {
            return within(|jitter| delay_seconds(5.0, 300.0, number, jitter), now);
        };
        let usual = catalogue::usual_delay_seconds(rule.category);
        let or_usual = |own, usual| f64::from(if own > 0 { own } else { usual });
        let base = or_usual(rule.base_delay_seconds, usual.0);
        let longest = or_usual(rule.max_delay_seconds, usual.1);
        within(|jitter| delay_seconds(base, longest, repeats, jitter), now)
    }

    pub(super) fn again_within(&mut self, place: usize, lot: Lot) {
        self.again(place, lot.0 + (lot.1 - lot.0) / 2);
        self.messages[place].due_lot = Some(lot);
    }

    /// failures.sql, for a text that Twilio has: if it has failed, the catalogue decides about another attempt. While it is
    /// in a batch its result is waited for.
    pub(super) fn follow_up(&mut self, place: usize, now: i64) {
        let message = &self.messages[place];
        let has_failed = matches!(
            message.status,
            MessageStatus::Failed | MessageStatus::Undelivered
        );
        if !has_failed || message.sid.is_none() || message.batch.is_some() {
            return;
        }
        let code = message.error_code;
        let failing = Failing {
            rule: Some(catalogue::rule(Surface::Callback, None, code)),
            error_code: code,
            attempts_before: (message.attempts - 1).max(0),
            reason: None,
            retry_after: None,
        };
        let (attempts, _, next) = self.ruled(place, &failing, now);
        let key = (place, self.messages[place].last_attempt);
        self.messages[place].attempts = attempts;
        if let Some(row) = self.ledger.get_mut(&key) {
            row.error_code = row.error_code.or(code);
        }
        match next {
            Next::Again(lot) => self.again_within(place, lot),
            Next::Over => self.messages[place].end_reason = Some("failed at Twilio"),
        }
    }
}
