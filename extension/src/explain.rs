//! `explain_notification_event`: what emit would do, by the same statements without their inserts.

use pgrx::datum::{AnyElement, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::emit::{Judged, Request, arguments, judge};
use crate::lookup::Lookup;
use crate::queries::{EXPLAIN_BROADCAST, EXPLAIN_TARGETED};
use crate::report::{Result, null_argument};

/// One recipient on one channel, or the event itself if it does not get that far.
#[derive(Default)]
struct Line {
    user: Option<Uuid>,
    channel: Option<String>,
    decision: String,
    reason: Option<String>,
    send_at: Option<TimestampWithTimeZone>,
    /// Which of the other languages it is in, NULL = the default one.
    variant: Option<i32>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)] // One parameter per SQL parameter.
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn explain_notification_event(
    event_type: Option<&str>,
    payload: Option<AnyElement>,
    target: Option<Uuid>,
    actor: Option<Uuid>,
    scheduled_for: Option<TimestampWithTimeZone>,
    dedup_key: Option<&str>,
    priority: Option<&str>,
    expires_at: Option<TimestampWithTimeZone>,
    as_of: Option<TimestampWithTimeZone>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(user_id, Option<Uuid>),
            name!(channel, Option<String>),
            name!(decision, String),
            name!(reason, Option<String>),
            name!(body, Option<String>),
            name!(encoding, Option<String>),
            name!(segments, Option<i32>),
            name!(send_at, Option<TimestampWithTimeZone>),
        ),
    >,
> {
    let request = Request {
        actor,
        target,
        payload,
        scheduled_for,
        dedup_key: dedup_key.map(str::to_owned),
        priority: priority.map(str::to_owned),
        expires_at,
        ..Request::of_type(event_type.ok_or_else(|| null_argument("event_type"))?)
    };
    let lookup = request.look_up()?;
    let judged = judge(&request, &lookup)?;
    let lines = match obstacle(&lookup, &judged) {
        Some(line) => vec![line],
        None => recipients(&request, &lookup, &judged, as_of)?,
    };
    Ok(TableIterator::new(lines.into_iter().map(move |line| {
        let variant = line.variant.and_then(|place| judged.variants.body(place));
        let body = variant.or(judged.body.as_ref());
        (
            line.user,
            line.channel,
            line.decision,
            line.reason,
            body.map(|body| body.text.clone()),
            body.map(|body| body.encoding.to_owned()),
            body.map(|body| body.segments.into()),
            line.send_at,
        )
    })))
}

/// Why the event would not get as far as the gate.
fn obstacle(lookup: &Lookup, judged: &Judged) -> Option<Line> {
    let (decision, reason) = if lookup.earlier.is_some() {
        let decision = if lookup.is_repeat {
            "duplicate"
        } else {
            "error"
        };
        (decision, "dedup_key".to_owned())
    } else if !judged.problems.is_empty() {
        let decision = if lookup.rules.strict {
            "error"
        } else {
            "quarantine"
        };
        (decision, judged.problems.join("; "))
    } else {
        return None;
    };
    Some(Line {
        decision: decision.to_owned(),
        reason: Some(reason),
        ..Line::default()
    })
}

fn recipients(
    request: &Request,
    lookup: &Lookup,
    judged: &Judged,
    as_of: Option<TimestampWithTimeZone>,
) -> Result<Vec<Line>> {
    let statement = if request.target.is_some() {
        &EXPLAIN_TARGETED
    } else {
        &EXPLAIN_BROADCAST
    };
    let mut values = Vec::from(arguments(request, lookup, judged, "fanned_out"));
    values.push(as_of.into());
    statement.rows(&values, |row| {
        Ok(Line {
            user: row.get(1)?,
            channel: row.get(2)?,
            decision: row.want(3, "decision")?,
            reason: row.get(4)?,
            send_at: row.get(5)?,
            variant: row.get(6)?,
        })
    })
}
