//! What Twilio says afterwards: signed status callbacks, and the original system's status function.

use std::borrow::Cow;

use herald_core::status::MessageStatus;
use pgrx::datum::{AnyElement, DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;
use serde_json::json;

use crate::dispatch::{Element, require_array};
use crate::errors::follow_up;
use crate::queries::{CALLBACK_LOCK, CALLBACKS};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument};
use crate::vocabulary::{delivery_goals, delivery_ranks, message_ranks, twilio_words};

const CALLBACK: Element = Element {
    misfit: Cow::Borrowed(
        "$[*] ? (!(@.sid.type() == \"string\") || !(@.status.type() == \"string\"))",
    ),
    rule: Cow::Borrowed(
        "Each callback is an object with sid and status, and with message_id and attempt if the URL had them.",
    ),
};

/// Column of `callbacks.sql`: the message that this callback has made fail.
const FAILED: usize = 12;

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn record_twilio_callbacks(
    callbacks: Option<AnyElement>,
) -> Result<TableIterator<'static, (name!(ordinal, i32), name!(result, String))>> {
    let callbacks = callbacks.ok_or_else(|| null_argument("p_callbacks"))?;
    require_array(callbacks, "p_callbacks", &CALLBACK)?;
    lock(Some(callbacks))?;
    Ok(TableIterator::new(record(Some(callbacks))?))
}

/// Locks the messages that callbacks, or other objects with message_id or sid, speak of.
pub fn lock(callbacks: Option<AnyElement>) -> Result<()> {
    CALLBACK_LOCK.run(&[jsonb(callbacks)])
}

/// Stores and applies callbacks whose messages are locked, and does what follows from them. Returns position from 1 and
/// result of each.
pub fn record(callbacks: Option<AnyElement>) -> Result<Vec<(i32, String)>> {
    let mut failed = Vec::new();
    let rows = CALLBACKS.rows(&arguments(callbacks), |row| {
        failed.extend(row.get::<Uuid>(FAILED)?);
        Ok((row.want(1, "position")?, row.want(2, "result")?))
    })?;
    follow_up(failed, Vec::new())?;
    Ok(rows)
}

/// Applies callbacks to messages that are locked already. Returns the messages that have failed by them.
pub fn apply(callbacks: Option<AnyElement>) -> Result<Vec<Uuid>> {
    let failed = CALLBACKS.rows(&arguments(callbacks), |row| row.get::<Uuid>(FAILED))?;
    Ok(failed.into_iter().flatten().collect())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn update_sms_status_atomic(
    message_id: Option<Uuid>,
    sid: Option<&str>,
    twilio_status: Option<&str>,
    mapped_status: Option<&str>,
    error_code: Option<i32>,
    error_message: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(notification_delivery_id, Option<Uuid>),
            name!(user_id, Option<Uuid>),
            name!(sent_at, Option<TimestampWithTimeZone>),
            name!(delivered_at, Option<TimestampWithTimeZone>),
            name!(attempt_count, Option<i32>),
            name!(max_attempts, Option<i32>),
            name!(priority, Option<String>),
            name!(updated_sms, bool),
            name!(updated_delivery, bool),
        ),
    >,
> {
    let message_id = message_id.ok_or_else(|| null_argument("p_message_id"))?;
    let sid = sid.ok_or_else(|| null_argument("p_twilio_sid"))?;
    let twilio_status = twilio_status.ok_or_else(|| null_argument("p_twilio_status"))?;
    let mapped_status = mapped_status.map(status_with_sid).transpose()?;
    let callback = jsonb_of(json!([{
        "message_id": message_id.to_string(),
        "sid": sid,
        "status": twilio_status,
        "mapped": mapped_status,
        "error_code": error_code,
        "params": { "source": "update_sms_status_atomic", "ErrorMessage": error_message },
    }]));
    CALLBACK_LOCK.run(&[jsonb(callback)])?;
    let mut failed = Vec::new();
    let rows = CALLBACKS.rows(&arguments(callback), |row| {
        failed.extend(row.get::<Uuid>(FAILED)?);
        let result: String = row.want(2, "result")?;
        let answer = (
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
            row.get(9)?,
            row.want(10, "result")?,
            row.want(11, "result")?,
        );
        Ok((!matches!(result.as_str(), "orphan" | "conflict")).then_some(answer))
    })?;
    follow_up(failed, Vec::new())?;
    Ok(TableIterator::new(rows.into_iter().flatten()))
}

/// Our status of a message that has a SID: Twilio has it, so it is past every state of waiting and of doubt.
fn status_with_sid(word: &str) -> Result<&'static str> {
    let status: MessageStatus = word.parse().map_err(|error| {
        invalid(
            format!("p_mapped_status: {error}"),
            "Pass NULL to go by p_twilio_status.",
        )
    })?;
    let is_past = status.rank() > MessageStatus::Sending.rank();
    Ok(if is_past {
        status
    } else {
        MessageStatus::Sending
    }
    .as_str())
}

fn arguments<'a>(callbacks: Option<AnyElement>) -> [DatumWithOid<'a>; 9] {
    let (messages, message_ranks) = message_ranks();
    let (words, meanings) = twilio_words();
    let (deliveries, delivery_ranks) = delivery_ranks();
    let (states, goals) = delivery_goals();
    [
        jsonb(callbacks),
        messages.into(),
        message_ranks.into(),
        words.into(),
        meanings.into(),
        deliveries.into(),
        delivery_ranks.into(),
        states.into(),
        goals.into(),
    ]
}
