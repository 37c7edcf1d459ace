//! What is in doubt: taken to be looked for, found, or absent.

use std::collections::BTreeSet;

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;

use super::reports::Report;
use super::{Attempt, LOOK_LEASE, MAX_ATTEMPTS, Store};
use crate::records::{LookResult, UnknownAttempt};

impl Store {
    /// Until when it may have been asked of Twilio, from this database or from the one it succeeds.
    pub(super) fn doubtful_until(&self, attempt: &Attempt) -> i64 {
        self.armed_at.unwrap_or(i64::MIN).max(attempt.finished)
    }

    /// Attempts that are to be looked for now, those that have waited longest first: message and time.
    pub(in crate::histories) fn doubts_due(&self, now: i64) -> Vec<(usize, i64)> {
        let due = self.ledger.iter().filter_map(|((place, _), attempt)| {
            let at = attempt.resolve_at.filter(|at| *at <= now);
            at.map(|at| (*place, at))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|&(place, at)| (at, place));
        due
    }

    /// claim_unknown.sql
    pub(in crate::histories) fn claim_unknown(
        &mut self,
        limit: usize,
        now: i64,
    ) -> Vec<UnknownAttempt> {
        let first = self.doubts_due(now);
        if first.is_empty() {
            return Vec::new();
        }
        let first = first.into_iter().take(limit);
        let numbers: BTreeSet<String> = first
            .map(|(place, _)| self.messages[place].to.clone())
            .collect();
        let claim = self.id();
        let mut doubts = Vec::new();
        let armed_at = self.armed_at.unwrap_or(i64::MIN);
        for (&(place, attempt), row) in &mut self.ledger {
            if !numbers.contains(&self.messages[place].to) || row.resolve_at.is_none() {
                continue;
            }
            let until = armed_at.max(row.finished);
            let is_decidable = row.claim.is_none() && until + self.rules.decision_wait <= now;
            let settle = is_decidable || row.resolve_at.is_some_and(|at| at <= now);
            if settle {
                row.claim = Some((claim, now));
                row.resolve_at = Some(now + LOOK_LEASE);
            }
            doubts.push((place, attempt, row.started, until, settle));
        }
        for (place, message) in self.messages.iter().enumerate() {
            let batch = message.batch.and_then(|batch| self.batches.get(&batch));
            if let Some(batch) = batch.filter(|_| numbers.contains(&message.to)) {
                doubts.push((place, message.last_attempt, batch.claimed_at, now, false));
            }
        }
        doubts.sort_by_key(|&(place, _, started, _, _)| {
            (self.messages[place].to.clone(), started, place)
        });
        let found = doubts.into_iter();
        found
            .map(|(place, attempt, started, finished, settle)| {
                let from = started - self.rules.skew;
                let refused = self.ledger.iter().filter(|((of, earlier), row)| {
                    *of == place
                        && *earlier < attempt
                        && matches!(row.outcome, Outcome::Rejected | Outcome::NotSent)
                        && row
                            .http_status
                            .is_some_and(|status| (400..500).contains(&status))
                        && row.finished >= from
                });
                UnknownAttempt {
                    claim_id: claim,
                    message_id: self.messages[place].id,
                    attempt,
                    to_number: self.messages[place].to.clone(),
                    body: self.messages[place].body.clone(),
                    accepted_from: from.div_euclid(1000),
                    // Postgres' clock has microseconds: no time is a whole second, and this one is rounded up.
                    accepted_until: now
                        .min(finished + self.rules.late + self.rules.skew)
                        .div_euclid(1000)
                        + 1,
                    refused_before: i32::try_from(refused.count()).unwrap_or(0),
                    settle,
                }
            })
            .collect()
    }

    /// found_unknown.sql and settle_unknown.sql; `soon` is the wait after an unclear list.
    pub(in crate::histories) fn complete_unknown(
        &mut self,
        results: &[LookResult],
        soon: i64,
        now: i64,
    ) {
        let (found, others): (Vec<_>, Vec<_>) =
            results.iter().partition(|result| result.verdict == "found");
        for result in found.into_iter().chain(others) {
            self.complete_look(result, soon, now);
        }
    }

    fn complete_look(&mut self, result: &LookResult, soon: i64, now: i64) {
        let Some(place) = self.place(result.message_id) else {
            return;
        };
        let gap = self.rules.gap;
        let is_taken = result
            .sid
            .as_deref()
            .is_some_and(|sid| self.is_in_flight(sid));
        let Some(row) = self.ledger.get_mut(&(place, result.attempt)) else {
            return;
        };
        let Some((_, looked_at)) = row.claim.filter(|(claim, _)| *claim == result.claim_id) else {
            return;
        };
        if row.resolve_at.is_none() {
            return;
        }
        if let ("found", Some(sid)) = (result.verdict, &result.sid) {
            if is_taken {
                return;
            }
            let word = result.status.as_deref().unwrap_or_default();
            let status = MessageStatus::from_twilio(word).unwrap_or(MessageStatus::Sending);
            let report = Report {
                place,
                attempt: result.attempt,
                sid,
                word,
                error_code: result.error_code,
            };
            self.report(&report, Some(status), now);
            return;
        }
        row.claim = None;
        match result.verdict {
            "absent" if row.absent_at.is_some_and(|at| at + gap <= looked_at) => {
                self.not_sent(place, result.attempt, now);
            }
            "absent" => {
                row.absent_at.get_or_insert(now);
                row.resolve_at = Some(now + gap + 100);
            }
            "ambiguous" => {
                row.absent_at = None;
                row.resolve_at = Some(now + soon);
                row.resolve_lot = Some((now + 5000, now + 10_000));
            }
            _ => {
                row.resolve_at = Some(now + 2 * soon);
                row.resolve_lot = Some((now + 10_000, now + 20_000));
            }
        }
    }

    /// Twilio never took it, by its list or by an operator's word.
    pub(super) fn not_sent(&mut self, place: usize, attempt: i32, now: i64) {
        let Some(row) = self.ledger.get_mut(&(place, attempt)) else {
            return;
        };
        row.outcome = Outcome::NotSent;
        row.resolve_at = None;
        row.claim = None;
        let is_free = matches!(row.reason, Some("lease_expired" | "quarantine"));
        let message = &mut self.messages[place];
        if message.last_attempt != attempt || message.status != MessageStatus::Unknown {
            return;
        }
        message.attempts -= i32::from(is_free && attempt < 30);
        if message.attempts >= MAX_ATTEMPTS {
            self.end(place, "no attempt is left");
        } else {
            self.again(place, now);
        }
    }
}
