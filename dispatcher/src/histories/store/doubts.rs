//! What is in doubt: taken to be looked for, found, or absent.

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;

use super::{Attempt, LOOK_LEASE, MAX_ATTEMPTS, Store};
use crate::records::{LookResult, UnknownAttempt};

impl Store {
    /// claim_unknown.sql
    pub(in crate::histories) fn claim_unknown(&mut self, now: i64) -> Vec<UnknownAttempt> {
        let due = |attempt: &Attempt| attempt.resolve_at.is_some_and(|at| at <= now);
        let first = self.ledger.iter().filter(|(_, attempt)| due(attempt));
        let Some(((first, _), _)) = first.min_by_key(|(_, attempt)| attempt.resolve_at) else {
            return Vec::new();
        };
        let to = self.messages[*first].to.clone();
        let claim = self.id();
        let mut doubts = Vec::new();
        for (&(place, attempt), row) in &mut self.ledger {
            if self.messages[place].to != to || row.resolve_at.is_none() {
                continue;
            }
            let is_decidable =
                row.claim.is_none() && row.finished + self.rules.decision_wait <= now;
            let settle = is_decidable || row.resolve_at.is_some_and(|at| at <= now);
            if settle {
                row.claim = Some((claim, now));
                row.resolve_at = Some(now + LOOK_LEASE);
            }
            doubts.push((place, attempt, row.started, row.finished, settle));
        }
        for (place, message) in self.messages.iter().enumerate() {
            let batch = message.batch.and_then(|batch| self.batches.get(&batch));
            if let Some(batch) = batch.filter(|_| message.to == to) {
                doubts.push((place, message.last_attempt, batch.claimed_at, now, false));
            }
        }
        doubts.sort_by_key(|&(place, _, started, _, _)| (started, place));
        let found = doubts.into_iter();
        found
            .map(|(place, attempt, started, finished, settle)| {
                let from = started - self.rules.skew;
                let refused = self.ledger.iter().filter(|((of, earlier), row)| {
                    *of == place && *earlier < attempt && row.refused && row.finished >= from
                });
                UnknownAttempt {
                    claim_id: claim,
                    message_id: self.messages[place].id,
                    attempt,
                    to_number: to.clone(),
                    body: self.messages[place].body.clone(),
                    accepted_from: from.div_euclid(1000),
                    accepted_until: now
                        .min(finished + self.rules.late + self.rules.skew)
                        .div_euclid(1000),
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
        for result in results {
            let Some(place) = self.place(result.message_id) else {
                continue;
            };
            let gap = self.rules.gap;
            let Some(row) = self.ledger.get_mut(&(place, result.attempt)) else {
                continue;
            };
            let Some((_, looked_at)) = row.claim.filter(|(claim, _)| *claim == result.claim_id)
            else {
                continue;
            };
            if row.resolve_at.is_none() {
                continue;
            }
            row.claim = None;
            match (result.verdict, &result.sid) {
                ("found", Some(sid)) => {
                    let status = result
                        .status
                        .as_deref()
                        .and_then(MessageStatus::from_twilio);
                    let sid = sid.clone();
                    self.callback(
                        place,
                        result.attempt,
                        &sid,
                        status.unwrap_or(MessageStatus::Sending),
                    );
                    if status == Some(MessageStatus::Failed) {
                        self.messages[place].end_reason = Some("Twilio lists it as refused");
                    }
                }
                ("absent", _) if row.absent_at.is_some_and(|at| at + gap <= looked_at) => {
                    row.outcome = Outcome::NotSent;
                    row.resolve_at = None;
                    let by_lease = row.by_lease;
                    self.absent(place, result.attempt, by_lease, now);
                }
                ("absent", _) => {
                    row.absent_at.get_or_insert(now);
                    row.resolve_at = Some(now + gap + 100);
                }
                ("ambiguous", _) => {
                    row.absent_at = None;
                    row.resolve_at = Some(now + soon);
                }
                _ => row.resolve_at = Some(now + 10_000 + soon),
            }
        }
    }

    fn absent(&mut self, place: usize, attempt: i32, by_lease: bool, now: i64) {
        let message = &mut self.messages[place];
        if message.last_attempt != attempt || message.status != MessageStatus::Unknown {
            return;
        }
        message.attempts -= i32::from(by_lease && attempt < 30);
        if message.attempts >= MAX_ATTEMPTS {
            self.end(place, "no attempt is left");
        } else {
            self.again(place, now);
        }
    }
}
