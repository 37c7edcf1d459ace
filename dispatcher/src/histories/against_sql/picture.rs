//! Everything that model and tables both know, in one form.

use std::fmt::Debug;

use serde::Deserialize;
use uuid::Uuid;

use crate::histories::store::{Lot, Store};

/// All rows, times in milliseconds from now.
#[derive(Debug, Deserialize)]
pub(super) struct Picture {
    messages: Vec<MessageRow>,
    batches: Vec<BatchRow>,
    attempts: Vec<AttemptRow>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct MessageRow {
    id: Uuid,
    status: String,
    sid: Option<String>,
    error_code: Option<i32>,
    due: Option<f64>,
    next_attempt: Option<i32>,
    batch: Option<Uuid>,
    last_attempt: i32,
    attempts: i32,
}

#[derive(Debug, Deserialize, PartialEq)]
struct BatchRow {
    id: Uuid,
    worker: Uuid,
    claimed_at: f64,
    lease_until: f64,
    open: usize,
}

#[derive(Debug, Deserialize, PartialEq)]
struct AttemptRow {
    message: Uuid,
    attempt: i32,
    started: f64,
    finished: f64,
    outcome: String,
    sid: Option<String>,
    http_status: Option<u16>,
    error_code: Option<i32>,
    reason: Option<String>,
    resolve_at: Option<f64>,
    claim: Option<Uuid>,
    claimed_at: Option<f64>,
    absent_at: Option<f64>,
}

fn from_now(time: i64, now: i64) -> f64 {
    (time - now) as f64
}

/// Takes a time that the database drew by lot over into the model, if it lies where it may. The model's milliseconds are
/// rounded up: whatever is due by then is due there.
fn draw(ours: &mut Option<i64>, lot: &mut Option<Lot>, theirs: Option<f64>, now: i64) {
    let (Some((from, until)), Some(theirs)) = (lot.take(), theirs) else {
        return;
    };
    // A microsecond of rounding on either side.
    if theirs >= from_now(from, now) - 0.001 && theirs <= from_now(until, now) + 1.001 {
        *ours = Some(now + theirs.ceil() as i64);
    }
}

/// The same for the other side, whose time is compared as a whole number.
fn round(theirs: &mut Option<f64>) {
    *theirs = theirs.map(f64::ceil);
}

/// Compares the rows of both, after the model has taken over what the database drew by lot.
pub(super) fn compare(store: &mut Store, mut sql: Picture, now: i64) -> Result<(), String> {
    for message in &mut store.messages {
        let row = sql.messages.iter().find(|row| row.id == message.id);
        let due = row.and_then(|row| row.due);
        draw(&mut message.due, &mut message.due_lot, due, now);
    }
    let ids: Vec<Uuid> = store.messages.iter().map(|message| message.id).collect();
    for ((place, number), attempt) in &mut store.ledger {
        let mut rows = sql.attempts.iter();
        let row = rows.find(|row| row.message == ids[*place] && row.attempt == *number);
        let at = row.and_then(|row| row.resolve_at);
        draw(&mut attempt.resolve_at, &mut attempt.resolve_lot, at, now);
    }
    for row in &mut sql.messages {
        round(&mut row.due);
    }
    for row in &mut sql.attempts {
        round(&mut row.resolve_at);
    }
    let mut model = of_model(store, now);
    model.messages.sort_by_key(|row| row.id);
    model.attempts.sort_by_key(|row| (row.message, row.attempt));
    same("message", &model.messages, &sql.messages)?;
    same("batch", &model.batches, &sql.batches)?;
    same("attempt", &model.attempts, &sql.attempts)
}

/// The first row that differs.
fn same<T: Debug + PartialEq>(what: &str, model: &[T], sql: &[T]) -> Result<(), String> {
    for place in 0..model.len().max(sql.len()) {
        let (model, sql) = (model.get(place), sql.get(place));
        if model != sql {
            return Err(format!("{what}:\n  model {model:?}\n  sql   {sql:?}"));
        }
    }
    Ok(())
}

fn of_model(store: &Store, now: i64) -> Picture {
    let at = |time: Option<i64>| time.map(|time| from_now(time, now));
    Picture {
        messages: store
            .messages
            .iter()
            .map(|message| MessageRow {
                id: message.id,
                status: message.status.as_str().to_owned(),
                sid: message.sid.clone(),
                error_code: message.error_code,
                due: at(message.due),
                next_attempt: message.due.map(|_| message.last_attempt + 1),
                batch: message.batch,
                last_attempt: message.last_attempt,
                attempts: message.attempts,
            })
            .collect(),
        batches: store
            .batches
            .iter()
            .map(|(id, batch)| BatchRow {
                id: *id,
                worker: batch.worker,
                claimed_at: from_now(batch.claimed_at, now),
                lease_until: from_now(batch.lease_until, now),
                open: batch.open,
            })
            .collect(),
        attempts: store
            .ledger
            .iter()
            .map(|((place, number), attempt)| AttemptRow {
                message: store.messages[*place].id,
                attempt: *number,
                started: from_now(attempt.started, now),
                finished: from_now(attempt.finished, now),
                outcome: attempt.outcome.as_str().to_owned(),
                sid: attempt.sid.clone(),
                http_status: attempt.http_status,
                error_code: attempt.error_code,
                reason: attempt.reason.map(str::to_owned),
                resolve_at: at(attempt.resolve_at),
                claim: attempt.claim.map(|(claim, _)| claim),
                claimed_at: at(attempt.claim.map(|(_, claimed_at)| claimed_at)),
                absent_at: at(attempt.absent_at),
            })
            .collect(),
    }
}
