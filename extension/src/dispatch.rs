//! The daemon's side of sending: hello, complete, leases, the queue's state. Claims: `claim`.

use std::borrow::Cow;

use herald_core::backoff;
use herald_core::outcome::Outcome;
use pgrx::datum::{AnyElement, TimestampWithTimeZone, Uuid};
use pgrx::iter::{SetOfIterator, TableIterator};
use pgrx::prelude::*;

use crate::errors::follow_up;
use crate::queries::{
    ARRAY, ARRAY_HAS, COMPLETE, COMPLETE_ACCEPTED, EXPIRE_LEASES, EXTEND_LEASES, HELLO, NEXT_DUE,
    QUEUE_STATS,
};
use crate::query::{ByKeys, Query, jsonb};
use crate::report::{Result, invalid, null_argument, unexpected};
use crate::vocabulary::{delivery_ranks, message_ranks, priority_ranks, queue_ranks, twilio_words};

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn herald_dispatcher_hello(
    worker: Option<Uuid>,
    version: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(schema_version, i32),
            name!(extension_version, String),
            name!(callback_key, String),
            name!(lease_seconds, i32),
            name!(server_time, TimestampWithTimeZone),
            name!(in_recovery, bool),
        ),
    >,
> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let version = version.ok_or_else(|| null_argument("p_version"))?;
    let rows = HELLO.rows(&[], |row| {
        Ok((
            row.want(1, "schema version")?,
            env!("CARGO_PKG_VERSION").to_owned(),
            row.want(2, "setting callback_key")?,
            row.want(3, "setting lease_seconds")?,
            row.want(4, "time")?,
            row.want(5, "recovery state")?,
        ))
    })?;
    pgrx::log!("herald {version} says hello as worker {worker}");
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn complete_sms_messages(
    worker: Option<Uuid>,
    results: Option<AnyElement>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(message_id, Uuid),
            name!(attempt, i32),
            name!(applied, bool),
            name!(status, Option<String>),
        ),
    >,
> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let results = results.ok_or_else(|| null_argument("p_results"))?;
    require_array(results, "p_results", &result_element())?;
    let (messages, message_ranks) = message_ranks();
    let (words, meanings) = twilio_words();
    let (deliveries, delivery_ranks) = delivery_ranks();
    let (priorities, places) = priority_ranks();
    let arguments = [
        worker.into(),
        jsonb(Some(results)),
        messages.into(),
        message_ranks.into(),
        words.into(),
        meanings.into(),
        deliveries.into(),
        delivery_ranks.into(),
        priorities.into(),
        places.into(),
    ];
    let mut open = (Vec::new(), Vec::new());
    let failures = format!("$[*] ? (@.outcome != \"{}\")", Outcome::Accepted);
    let fails = ARRAY_HAS.row(&[jsonb(Some(results)), failures.into()], |row| {
        row.want(1, "outcomes")
    })?;
    let statement: &Query = match fails.ok_or_else(|| unexpected("outcomes"))? {
        true => &COMPLETE,
        false => &COMPLETE_ACCEPTED,
    };
    let rows = statement.rows(&arguments, |row| {
        let message: Uuid = row.want(1, "message")?;
        if row.get(6)? == Some(true) {
            open.0.push(message);
            open.1.extend(row.get::<String>(5)?);
        }
        Ok((
            message,
            row.want(2, "attempt")?,
            row.want(3, "result")?,
            row.get(4)?,
        ))
    })?;
    follow_up(open.0, open.1)?;
    Ok(TableIterator::new(rows))
}

/// What the elements of an array argument must be like.
pub struct Element {
    /// A JSON path that finds the elements that are not.
    pub misfit: Cow<'static, str>,
    /// The rule in words.
    pub rule: Cow<'static, str>,
}

/// What the elements of `p_results` must be like.
fn result_element() -> Element {
    let (tests, words): (Vec<_>, Vec<_>) = Outcome::ALL
        .iter()
        .map(|outcome| (format!("@.outcome == \"{outcome}\""), outcome.as_str()))
        .unzip();
    Element {
        misfit: format!(
            "$[*] ? (!(@.batch_id.type() == \"string\") || !(@.message_id.type() == \"string\") \
             || !(@.attempt.type() == \"number\") || !({}))",
            tests.join(" || ")
        )
        .into(),
        rule: format!(
            "Each result is an object with batch_id, message_id, attempt and outcome: {}.",
            words.join(", ")
        )
        .into(),
    }
}

/// 22023 unless the value is a JSON array of such elements; looks at it without parsing.
pub fn require_array(value: AnyElement, name: &str, element: &Element) -> Result<()> {
    let array = ARRAY.row(
        &[jsonb(Some(value)), element.misfit.as_ref().into()],
        |row| Ok((row.want::<String>(1, "kind")?, row.get::<i32>(2)?)),
    )?;
    let (kind, misfit) = array.ok_or_else(|| unexpected("kind"))?;
    if kind != "array" {
        return Err(invalid(
            format!("{name} is a JSON {kind}, not an array"),
            format!("Pass {name} as a JSON array of objects."),
        ));
    }
    match misfit {
        None => Ok(()),
        Some(position) => Err(invalid(
            format!("element {position} of {name} is not complete"),
            element.rule.as_ref(),
        )),
    }
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn extend_dispatch_leases(
    worker: Option<Uuid>,
    batches: Option<Vec<Option<Uuid>>>,
) -> Result<SetOfIterator<'static, Uuid>> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let batches = batches.ok_or_else(|| null_argument("p_batch_ids"))?;
    let _by_keys = ByKeys::begin();
    let held = EXTEND_LEASES.rows(&[worker.into(), batches.into()], |row| row.want(1, "batch"))?;
    Ok(SetOfIterator::new(held))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn expire_dispatch_leases() -> Result<i32> {
    let (priorities, places) = priority_ranks();
    let _by_keys = ByKeys::begin();
    let (doubted, open, sids) = EXPIRE_LEASES
        .row(&[priorities.into(), places.into()], |row| {
            Ok((
                row.want(1, "count")?,
                row.want(2, "messages")?,
                row.want(3, "SIDs")?,
            ))
        })?
        .ok_or_else(|| unexpected("count"))?;
    follow_up(open, sids)?;
    Ok(doubted)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_next_due() -> Result<Option<TimestampWithTimeZone>> {
    let _by_keys = ByKeys::begin();
    Ok(NEXT_DUE
        .row(&[queue_ranks().into()], |row| row.get(1))?
        .flatten())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn herald_queue_stats() -> Result<
    TableIterator<
        'static,
        (
            name!(state, String),
            name!(priority, String),
            name!(messages, i64),
            name!(oldest_age_seconds, f64),
        ),
    >,
> {
    let (names, ranks) = priority_ranks();
    let rows = QUEUE_STATS.rows(&[names.into(), ranks.into()], |row| {
        Ok((
            row.want(1, "state")?,
            row.want(2, "priority")?,
            row.want(3, "count")?,
            row.want(4, "age")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_retry_delay(
    base_seconds: Option<i32>,
    max_seconds: Option<i32>,
    attempt: Option<i32>,
    jitter: Option<f64>,
) -> Result<f64> {
    let base = base_seconds.ok_or_else(|| null_argument("base_seconds"))?;
    let max = max_seconds.ok_or_else(|| null_argument("max_seconds"))?;
    let attempt = attempt.ok_or_else(|| null_argument("attempt"))?;
    let jitter = jitter.ok_or_else(|| null_argument("jitter"))?;
    Ok(backoff::delay_seconds(
        base.into(),
        max.into(),
        attempt,
        jitter,
    ))
}
