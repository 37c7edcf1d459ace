//! Status callbacks.

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;

use super::Store;

/// One signed callback with our id and attempt in its URL, or what a look into Twilio's list found.
pub(in crate::histories) struct Report<'a> {
    pub(in crate::histories) place: usize,
    pub(in crate::histories) attempt: i32,
    pub(in crate::histories) sid: &'a str,
    /// Twilio's word.
    pub(in crate::histories) word: &'a str,
    pub(in crate::histories) error_code: Option<i32>,
}

impl Store {
    /// callbacks.sql, for one callback: what was done with it.
    pub(in crate::histories) fn callback(&mut self, report: &Report<'_>, now: i64) -> &'static str {
        self.report(report, MessageStatus::from_twilio(report.word), now)
    }

    /// The same, with our own word for the status.
    pub(super) fn report(
        &mut self,
        report: &Report<'_>,
        status: Option<MessageStatus>,
        now: i64,
    ) -> &'static str {
        let Report {
            place,
            attempt,
            sid,
            ..
        } = *report;
        let owner = self.owner(sid);
        let message = &self.messages[place];
        let last = message.last_attempt;
        let is_other = attempt == last && message.sid.as_deref().is_some_and(|known| known != sid);
        if owner.is_some_and(|owner| owner != (place, attempt)) || is_other {
            return "conflict";
        }
        let Some(status) = status else {
            return "ignored";
        };
        let key = (sid.to_owned(), report.word.to_owned(), report.error_code);
        if self.applied.contains(&key) {
            return "duplicate";
        }
        let is_waiting = message.status == MessageStatus::Pending;
        let failed = MessageStatus::Failed.rank();
        let is_late = attempt < last
            && !(status.rank() > failed
                && (is_waiting
                    || matches!(
                        message.status,
                        MessageStatus::Undelivered | MessageStatus::Failed
                    )));
        // A text that waits for its next attempt still has the SID of the one that failed.
        let rank = if is_waiting && message.sid.is_some() {
            failed
        } else {
            message.status.rank()
        };
        let is_news = status.rank() > rank || message.status == MessageStatus::Unknown;
        let applies = !is_late && is_news;
        if let Some(row) = self.ledger.get_mut(&(place, attempt))
            && matches!(row.outcome, Outcome::Unknown | Outcome::NotSent)
        {
            row.outcome = Outcome::Accepted;
            row.sid = Some(sid.to_owned());
            row.resolve_at = None;
            row.claim = None;
        }
        let message = &mut self.messages[place];
        if attempt >= last {
            message.sid.get_or_insert_with(|| sid.to_owned());
        }
        if !applies {
            return "stale";
        }
        message.error_code = report.error_code.or(message.error_code);
        self.applied.insert(key);
        self.set(place, status, false);
        self.follow_up(place, now);
        "applied"
    }
}
