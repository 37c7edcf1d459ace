//! The database in a history: the rules of `sql/queries/` about one message's life, in memory.

mod doubts;

use std::collections::BTreeMap;

use herald_core::catalogue::{self, Retry};
use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;
use uuid::Uuid;

use super::Rules;
use crate::records::{AttemptResult, Claimed};

/// One row of `sms_messages`, and its queue row (`due`).
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Its id.
    pub(super) id: Uuid,
    /// Number and text.
    pub(super) to: String,
    /// The text.
    pub(super) body: String,
    /// As in `sms_messages.status`.
    pub(super) status: MessageStatus,
    /// Every status it has had, and whether our own next attempt set it back.
    pub(super) past: Vec<(MessageStatus, bool)>,
    /// Twilio's id.
    pub(super) sid: Option<String>,
    /// Waits until then.
    pub(super) due: Option<i64>,
    /// Why it ended without an acceptance.
    pub(super) end_reason: Option<&'static str>,
    batch: Option<Uuid>,
    last_attempt: i32,
    attempts: i32,
}

#[derive(Debug, Clone)]
struct Batch {
    worker: Uuid,
    claimed_at: i64,
    lease_until: i64,
    open: usize,
}

#[derive(Debug, Clone)]
struct Attempt {
    started: i64,
    finished: i64,
    outcome: Outcome,
    sid: Option<String>,
    refused: bool,
    by_lease: bool,
    resolve_at: Option<i64>,
    claim: Option<(Uuid, i64)>,
    absent_at: Option<i64>,
}

/// The tables.
#[derive(Debug)]
pub(super) struct Store {
    rules: Rules,
    /// The messages, in order of their creation.
    pub(super) messages: Vec<Message>,
    batches: BTreeMap<Uuid, Batch>,
    ledger: BTreeMap<(usize, i32), Attempt>,
    next_id: u128,
}

const MAX_ATTEMPTS: i32 = 3;
/// Whoever looked into the list and did not come back in this time has lost the claim.
const LOOK_LEASE: i64 = 120_000;

impl Store {
    /// Empty tables.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            messages: Vec::new(),
            batches: BTreeMap::new(),
            ledger: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// A new id.
    pub(super) fn id(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    /// A committed emit.
    pub(super) fn emit(&mut self, to: String, body: String, now: i64) {
        let id = self.id();
        self.messages.push(Message {
            id,
            to,
            body,
            status: MessageStatus::Pending,
            past: Vec::new(),
            sid: None,
            due: Some(now),
            end_reason: None,
            batch: None,
            last_attempt: 0,
            attempts: 0,
        });
    }

    /// Place of a message.
    pub(super) fn place(&self, id: Uuid) -> Option<usize> {
        self.messages.iter().position(|message| message.id == id)
    }

    /// When somebody has something to do: due texts, ended leases, doubts.
    pub(super) fn next_due(&self) -> Option<i64> {
        let due = self.messages.iter().filter_map(|message| message.due);
        let leases = self.batches.values().map(|batch| batch.lease_until + 1);
        let doubts = self
            .ledger
            .values()
            .filter_map(|attempt| attempt.resolve_at);
        due.chain(leases).chain(doubts).min()
    }

    /// Whether each batch counts as many open messages as there are.
    pub(super) fn counters_are_true(&self) -> bool {
        self.batches.iter().all(|(id, batch)| {
            let open = self
                .messages
                .iter()
                .filter(|message| message.batch == Some(*id));
            open.count() == batch.open
        })
    }

    fn set(&mut self, place: usize, status: MessageStatus, own_retry: bool) {
        let message = &mut self.messages[place];
        message.status = status;
        message.past.push((status, own_retry));
    }

    /// claim.sql
    pub(super) fn claim(&mut self, worker: Uuid, limit: usize, now: i64) -> Vec<Claimed> {
        let due: Vec<usize> = (0..self.messages.len())
            .filter(|&place| self.messages[place].due.is_some_and(|due| due <= now))
            .take(limit)
            .collect();
        if due.is_empty() {
            return Vec::new();
        }
        let batch = self.id();
        self.batches.insert(
            batch,
            Batch {
                worker,
                claimed_at: now,
                lease_until: now + self.rules.lease,
                open: due.len(),
            },
        );
        due.into_iter()
            .map(|place| {
                self.set(place, MessageStatus::Queued, false);
                let message = &mut self.messages[place];
                message.due = None;
                message.batch = Some(batch);
                message.last_attempt += 1;
                Claimed {
                    batch_id: batch,
                    message_id: message.id,
                    attempt: message.last_attempt,
                    to_number: message.to.clone(),
                    body: message.body.clone(),
                    priority: "normal".to_owned(),
                    validity_seconds: None,
                }
            })
            .collect()
    }

    /// extend_leases.sql: the batches that are still held.
    pub(super) fn extend(&mut self, worker: Uuid, batches: &[Uuid], now: i64) -> Vec<Uuid> {
        let lease = self.rules.lease;
        let mut held = Vec::new();
        for id in batches {
            if let Some(batch) = self.batches.get_mut(id).filter(|b| b.worker == worker) {
                batch.lease_until = now + lease;
                held.push(*id);
            }
        }
        held
    }

    /// expire_leases.sql
    pub(super) fn expire(&mut self, now: i64) {
        let over: Vec<Uuid> = self
            .batches
            .iter()
            .filter(|(_, batch)| batch.lease_until < now)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            let Some(batch) = self.batches.remove(&id) else {
                continue;
            };
            for place in 0..self.messages.len() {
                if self.messages[place].batch == Some(id) {
                    self.messages[place].batch = None;
                    self.messages[place].attempts += 1;
                    self.doubt(place, batch.claimed_at, now, true);
                }
            }
        }
    }

    /// Nobody knows what became of the latest attempt, unless a callback has said it.
    fn doubt(&mut self, place: usize, started: i64, now: i64, by_lease: bool) {
        let sid = self.messages[place].sid.clone();
        let wait = self.rules.decision_wait;
        let is_doubt = sid.is_none() && self.rules.naive.is_none();
        let attempt = Attempt {
            started,
            finished: now,
            outcome: if sid.is_some() {
                Outcome::Accepted
            } else {
                Outcome::Unknown
            },
            sid: sid.clone(),
            refused: false,
            by_lease,
            resolve_at: is_doubt.then_some(now + wait),
            claim: None,
            absent_at: None,
        };
        let key = (place, self.messages[place].last_attempt);
        self.ledger.insert(key, attempt);
        match self.rules.naive {
            _ if sid.is_some() => {}
            None => self.set(place, MessageStatus::Unknown, false),
            Some(super::Naive::Requeue) => self.again(place, now),
            Some(super::Naive::GiveUp) => self.end(place, "given up"),
        }
    }

    fn again(&mut self, place: usize, at: i64) {
        self.set(place, MessageStatus::Pending, true);
        self.messages[place].due = Some(at);
    }

    fn end(&mut self, place: usize, reason: &'static str) {
        self.set(place, MessageStatus::Failed, false);
        self.messages[place].end_reason = Some(reason);
    }

    /// complete.sql
    pub(super) fn complete(&mut self, worker: Uuid, results: &[AttemptResult], now: i64) {
        for result in results {
            self.complete_one(worker, result, now);
        }
    }

    fn complete_one(&mut self, worker: Uuid, result: &AttemptResult, now: i64) {
        let Some(place) = self.place(result.message_id) else {
            return;
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
            return;
        }
        let answer = &result.answer;
        let elapsed = i64::try_from(answer.elapsed_ms).unwrap_or(0);
        let claimed_at = batch.map(|batch| batch.claimed_at);
        let started = now - elapsed;
        let in_doubt_since = claimed_at
            .filter(|_| self.rules.doubt_from_claim)
            .unwrap_or(started);
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
            answer.outcome
        };
        match seen {
            Outcome::Unknown => {
                message.attempts += 1;
                self.doubt(place, in_doubt_since, now, false);
            }
            Outcome::Accepted => {
                message.attempts += 1;
                message.due = None;
                let sid = message.sid.clone().or_else(|| answer.sid.clone());
                message.sid.clone_from(&sid);
                if MessageStatus::Sending.rank() > message.status.rank() {
                    self.set(place, MessageStatus::Sending, false);
                }
                self.note(
                    place,
                    result.attempt,
                    (started, now),
                    Outcome::Accepted,
                    sid,
                );
            }
            Outcome::Rejected | Outcome::NotSent => {
                let rule = answer.error_code.and_then(catalogue::lookup);
                let counts = answer.is_refused() && rule.is_none_or(|rule| rule.counts_attempt);
                message.attempts += i32::from(counts);
                let ends = rule.is_some_and(|rule| rule.retry == Retry::Never)
                    || counts && message.attempts >= MAX_ATTEMPTS;
                self.note(place, result.attempt, (started, now), seen, None);
                if let Some(attempt) = self.ledger.get_mut(&(place, result.attempt)) {
                    attempt.refused = answer.is_refused();
                }
                if ends {
                    self.end(place, "refused");
                } else {
                    self.again(place, now + 10_000);
                }
            }
        }
    }

    fn note(
        &mut self,
        place: usize,
        attempt: i32,
        (started, finished): (i64, i64),
        outcome: Outcome,
        sid: Option<String>,
    ) {
        let row = Attempt {
            started,
            finished,
            outcome,
            sid,
            refused: false,
            by_lease: false,
            resolve_at: None,
            claim: None,
            absent_at: None,
        };
        self.ledger.insert((place, attempt), row);
    }

    fn owner(&self, sid: &str) -> Option<(usize, i32)> {
        let mut rows = self.ledger.iter();
        rows.find(|(_, attempt)| attempt.sid.as_deref() == Some(sid))
            .map(|(key, _)| *key)
    }

    /// Whether a SID belongs to a message already.
    pub(super) fn owns(&self, sid: &str) -> bool {
        self.owner(sid).is_some() || self.messages.iter().any(|m| m.sid.as_deref() == Some(sid))
    }

    /// callbacks.sql, for one signed callback with our id and attempt in its URL.
    pub(super) fn callback(
        &mut self,
        place: usize,
        attempt: i32,
        sid: &str,
        status: MessageStatus,
    ) {
        if self
            .owner(sid)
            .is_some_and(|owner| owner != (place, attempt))
        {
            return;
        }
        let message = &self.messages[place];
        let is_latest = attempt == message.last_attempt;
        let is_conflict = is_latest && message.sid.as_deref().is_some_and(|known| known != sid);
        if is_conflict || attempt < message.last_attempt {
            return;
        }
        if let Some(row) = self.ledger.get_mut(&(place, attempt))
            && row.outcome == Outcome::Unknown
        {
            row.outcome = Outcome::Accepted;
            row.sid = Some(sid.to_owned());
            row.resolve_at = None;
        }
        let message = &mut self.messages[place];
        message.sid.get_or_insert_with(|| sid.to_owned());
        if status.rank() > message.status.rank() || message.status == MessageStatus::Unknown {
            self.set(place, status, false);
        }
    }
}
