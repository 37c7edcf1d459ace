//! The database in a history: the rules of `sql/queries/` about one message's life, in memory. `against_sql` holds them
//! beside the real statements.

mod clock;
mod doubts;
mod failures;
mod operator;
mod reports;
mod results;

use std::collections::{BTreeMap, BTreeSet};

use herald_core::outcome::Outcome;
use herald_core::status::MessageStatus;
use uuid::Uuid;

pub(super) use reports::Report;

use super::Rules;
use crate::records::Claimed;

/// From when to when a time lies that the database draws by lot.
pub(super) type Lot = (i64, i64);

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
    /// What Twilio said was wrong.
    pub(super) error_code: Option<i32>,
    /// Waits until then.
    pub(super) due: Option<i64>,
    /// Where `due` lies, if it was drawn by lot.
    pub(super) due_lot: Option<Lot>,
    /// Why it ended without an acceptance.
    pub(super) end_reason: Option<&'static str>,
    /// The batch it is in.
    pub(super) batch: Option<Uuid>,
    /// Number of the latest claim.
    pub(super) last_attempt: i32,
    /// Attempts that count.
    pub(super) attempts: i32,
    created: i64,
}

/// One row of `dispatch_batches`.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// Who claimed it.
    pub(super) worker: Uuid,
    /// When.
    pub(super) claimed_at: i64,
    /// Until when it is held.
    pub(super) lease_until: i64,
    /// Messages without a result.
    pub(super) open: usize,
}

/// One row of `sms_send_attempts`.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// When its request began.
    pub(super) started: i64,
    /// When its outcome was written.
    pub(super) finished: i64,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Twilio's id.
    pub(super) sid: Option<String>,
    /// Twilio's answer.
    pub(super) http_status: Option<u16>,
    /// What Twilio said was wrong.
    pub(super) error_code: Option<i32>,
    /// lease_expired, quarantine, or what the daemon saw.
    pub(super) reason: Option<&'static str>,
    /// When it is looked for in Twilio's list; none: it is not in doubt.
    pub(super) resolve_at: Option<i64>,
    /// Where `resolve_at` lies, if it was drawn by lot.
    pub(super) resolve_lot: Option<Lot>,
    /// Who looks, since when.
    pub(super) claim: Option<(Uuid, i64)>,
    /// When Twilio's list lacked it for the first time.
    pub(super) absent_at: Option<i64>,
}

/// The tables.
#[derive(Debug)]
pub(super) struct Store {
    rules: Rules,
    /// The messages, in order of their creation.
    pub(super) messages: Vec<Message>,
    /// The batches.
    pub(super) batches: BTreeMap<Uuid, Batch>,
    /// The ledger, by place of the message and attempt.
    pub(super) ledger: BTreeMap<(usize, i32), Attempt>,
    /// When an operator armed sending last.
    armed_at: Option<i64>,
    /// SID, Twilio's word and error of the callbacks that changed something.
    applied: BTreeSet<(String, String, Option<i32>)>,
    /// Taken for the next rows, before ids of our own.
    pub(super) given_id: Option<Uuid>,
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
            armed_at: None,
            applied: BTreeSet::new(),
            given_id: None,
            next_id: 1,
        }
    }

    /// A new id.
    pub(super) fn id(&mut self) -> Uuid {
        self.given_id.take().unwrap_or_else(|| {
            self.next_id += 1;
            Uuid::from_u128(self.next_id)
        })
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
            error_code: None,
            due: Some(now),
            due_lot: None,
            end_reason: None,
            batch: None,
            last_attempt: 0,
            attempts: 0,
            created: now,
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

    /// Texts that a claim finds, those that have waited longest first.
    pub(super) fn due(&self, now: i64) -> Vec<usize> {
        let mut due: Vec<usize> = (0..self.messages.len())
            .filter(|&place| self.messages[place].due.is_some_and(|due| due <= now))
            .collect();
        due.sort_by_key(|&place| (self.messages[place].due, place));
        due
    }

    /// claim.sql
    pub(super) fn claim(&mut self, worker: Uuid, limit: usize, now: i64) -> Vec<Claimed> {
        let mut going = self.due(now);
        going.truncate(limit);
        for &place in &going {
            self.messages[place].due = None;
        }
        // A callback may have proven that Twilio has the text already.
        going.retain(|&place| self.messages[place].status == MessageStatus::Pending);
        if going.is_empty() {
            return Vec::new();
        }
        let id = self.id();
        let batch = Batch {
            worker,
            claimed_at: now,
            lease_until: now + self.rules.lease,
            open: going.len(),
        };
        self.batches.insert(id, batch);
        going
            .into_iter()
            .map(|place| {
                self.set(place, MessageStatus::Queued, false);
                let message = &mut self.messages[place];
                message.batch = Some(id);
                message.sid = None;
                message.error_code = None;
                message.last_attempt += 1;
                Claimed {
                    batch_id: id,
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

    /// expire_leases.sql: how many texts are in doubt by it.
    pub(super) fn expire(&mut self, now: i64) -> u64 {
        let over: Vec<Uuid> = self
            .batches
            .iter()
            .filter(|(_, batch)| batch.lease_until < now)
            .map(|(id, _)| *id)
            .collect();
        let mut doubted = 0;
        for id in over {
            let Some(batch) = self.batches.remove(&id) else {
                continue;
            };
            for place in 0..self.messages.len() {
                if self.messages[place].batch != Some(id) {
                    continue;
                }
                self.messages[place].batch = None;
                self.messages[place].attempts += 1;
                let attempt = Attempt {
                    reason: Some("lease_expired"),
                    ..Attempt::new(batch.claimed_at, now, Outcome::Unknown)
                };
                doubted += u64::from(self.messages[place].sid.is_none());
                self.doubt(place, attempt, now + self.rules.decision_wait, now);
            }
        }
        doubted
    }

    /// Nobody knows what became of the latest attempt, unless a callback has said it.
    fn doubt(&mut self, place: usize, mut attempt: Attempt, resolve_at: i64, now: i64) {
        let message = &self.messages[place];
        let key = (place, message.last_attempt);
        let is_proven = message.sid.is_some();
        if is_proven {
            attempt.outcome = Outcome::Accepted;
            attempt.sid.clone_from(&message.sid);
        } else if self.rules.naive.is_none() {
            attempt.resolve_at = Some(resolve_at);
        }
        self.ledger.insert(key, attempt);
        match self.rules.naive {
            _ if is_proven => self.follow_up(place, now),
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

    fn owner(&self, sid: &str) -> Option<(usize, i32)> {
        let mut rows = self.ledger.iter();
        rows.find(|(_, attempt)| attempt.sid.as_deref() == Some(sid))
            .map(|(key, _)| *key)
    }

    /// owned_sids.sql: whether a SID belongs to a message, in the ledger or on its way there.
    pub(super) fn owns(&self, sid: &str) -> bool {
        self.owner(sid).is_some() || self.is_in_flight(sid)
    }

    /// The SIDs that the ledger has.
    pub(super) fn ledger_sids(&self) -> Vec<String> {
        let sids = self.ledger.values().filter_map(|row| row.sid.clone());
        sids.collect()
    }

    /// Whether a callback has told the SID of a message whose result is still to be written.
    fn is_in_flight(&self, sid: &str) -> bool {
        let mut messages = self.messages.iter();
        messages.any(|message| message.batch.is_some() && message.sid.as_deref() == Some(sid))
    }
}

impl Attempt {
    fn new(started: i64, finished: i64, outcome: Outcome) -> Self {
        Self {
            started,
            finished,
            outcome,
            sid: None,
            http_status: None,
            error_code: None,
            reason: None,
            resolve_at: None,
            resolve_lot: None,
            claim: None,
            absent_at: None,
        }
    }
}
