//! Deferred fan-out: events with more recipients than the caller's transaction should pay for, served in chunks.

use std::collections::BTreeSet;

use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::decided::Decided;
use crate::emit::IN_APP;
use crate::event::{Source, Times};
use crate::event_rows::{self, EventRow};
use crate::in_app::Heading;
use crate::notify;
use crate::queries::{
    CHUNK_SIZE, FAN_OUT_CHUNK, FAN_OUT_CLAIM, FAN_OUT_DECIDE, FAN_OUT_DOUBT, FAN_OUT_PROGRESS,
    FAN_OUT_TARGET,
};
use crate::query::jsonb_text;
use crate::registry;
use crate::report::{Result, invalid, null_argument, unexpected};
use crate::text::{self, Body, Version};
use crate::variants::Variants;
use crate::vocabulary::queue_ranks;

const MOST: i32 = 1000;

/// An event whose fan-out is locked by this transaction.
struct Waiting {
    event: Uuid,
    payload: String,
    version: Version,
    target: Option<Uuid>,
    template_key: Option<String>,
    /// Since when its text stands: versions in other languages must have been there by then.
    made_at: TimestampWithTimeZone,
    /// The database that this one succeeds may have fanned it out, and sent its texts.
    is_suspect: bool,
    /// The last recipient served, if any was.
    cursor: Option<Uuid>,
    event_type: String,
    correlation_id: Option<Uuid>,
    priority: String,
    scheduled_for: Option<TimestampWithTimeZone>,
    expires_at: Option<TimestampWithTimeZone>,
    template_id: Option<Uuid>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn fan_out_notification_events(
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(event_id, Uuid),
            name!(deliveries, i32),
            name!(done, bool),
        ),
    >,
> {
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=MOST).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {MOST}."),
        ));
    }
    let mut served = Vec::new();
    while served.len() < usize::try_from(limit).unwrap_or(0) {
        let Some(waiting) = next_waiting()? else {
            break;
        };
        let (deliveries, done) = serve(&waiting)?;
        served.push((waiting.event, deliveries, done));
        // An event that is not finished is the most urgent one still: it would be found again at once.
        if !done {
            break;
        }
    }
    Ok(TableIterator::new(served))
}

fn next_waiting() -> Result<Option<Waiting>> {
    FAN_OUT_CLAIM.row(&[queue_ranks().into()], |row| {
        Ok(Waiting {
            event: row.want(1, "event id")?,
            payload: row.want(2, "payload")?,
            // What is required was there when emit accepted the event.
            version: match row.get::<&str>(3)? {
                Some(template) => Version::new(template, Vec::new(), row.get(4)?),
                None => Version::of_message(),
            },
            target: row.get(5)?,
            template_key: row.get(6)?,
            made_at: row.want(7, "event")?,
            is_suspect: row.want(8, "event")?,
            cursor: row.get(9)?,
            event_type: row.want(10, "event type")?,
            correlation_id: row.get(11)?,
            priority: row.want(12, "priority")?,
            scheduled_for: row.get(13)?,
            expires_at: row.get(14)?,
            template_id: row.get(15)?,
        })
    })
}

/// Writes the next chunk of one event.
fn serve(waiting: &Waiting) -> Result<(i32, bool)> {
    // emit composed this very text before it accepted the event, and a template version's text never changes.
    let payload = jsonb_text(&waiting.payload);
    let body = text::compose(&waiting.version, payload)?.map_err(|problem| {
        invalid(
            format!("event {} has no text: {problem}", waiting.event),
            "Cancel the event.",
        )
    })?;
    let variants = match &waiting.template_key {
        Some(key) => Variants::compose(key, waiting.target, Some(waiting.made_at), payload)?,
        None => Variants::default(),
    };
    let heading = Heading::of(payload)?;
    let chunk: Option<i32> =
        CHUNK_SIZE.row(&[], |row| row.want(1, "setting inline_fan_out_limit"))?;
    let arguments = [
        waiting.event.into(),
        body.text.as_str().into(),
        body.encoding.into(),
        body.segments.into(),
        notify::wakes().into(),
        chunk.into(),
    ];
    let arguments: Vec<DatumWithOid<'_>> = arguments
        .into_iter()
        .chain(variants.arguments())
        .chain(heading.arguments())
        .collect();
    let written = match waiting.target {
        None => write_chunk(waiting, &arguments, chunk, &body, &variants)?,
        Some(_) => None,
    };
    let served = match written {
        Some(served) => served,
        None => write_by_statement(waiting, &arguments)?,
    };
    if waiting.is_suspect {
        FAN_OUT_DOUBT.rows(&[waiting.event.into(), waiting.cursor.into()], |_| Ok(()))?;
    }
    Ok(served)
}

fn write_by_statement(waiting: &Waiting, arguments: &[DatumWithOid<'_>]) -> Result<(i32, bool)> {
    let statement = if waiting.target.is_some() {
        &FAN_OUT_TARGET
    } else {
        &FAN_OUT_CHUNK
    };
    let served = statement.row(arguments, |row| {
        Ok((
            row.want(1, "delivery count")?,
            row.want(2, "fan-out state")?,
        ))
    })?;
    served.ok_or_else(|| unexpected("fan-out state"))
}

/// Decides by a statement and writes the rows without one. `None`: nothing was written, the statement has to write them, too.
fn write_chunk(
    waiting: &Waiting,
    arguments: &[DatumWithOid<'_>],
    chunk: Option<i32>,
    body: &Body,
    variants: &Variants,
) -> Result<Option<(i32, bool)>> {
    let rules = registry::event_type(&waiting.event_type)?;
    if rules.channels.iter().any(|channel| channel == IN_APP) {
        return Ok(None);
    }
    let decided = FAN_OUT_DECIDE.rows(arguments, |row| Decided::read(row, &rules.channels))?;
    // Somebody has just changed the type's channels.
    if decided.iter().any(|each| each.decision.channel.is_none()) {
        return Ok(None);
    }
    let users: BTreeSet<&[u8; 16]> = decided.iter().map(|each| each.user.as_bytes()).collect();
    let last = users.last().map(|user| Uuid::from_bytes(**user));
    let recipients = i32::try_from(users.len()).unwrap_or(i32::MAX);
    let deliveries = i32::try_from(decided.len()).unwrap_or(i32::MAX);
    let is_done = chunk.is_none_or(|chunk| recipients < chunk);
    let source = Source {
        event: waiting.event,
        correlation_id: waiting.correlation_id,
        priority: waiting
            .priority
            .parse()
            .map_err(|_| unexpected("priority"))?,
        scheduled_for: waiting.scheduled_for,
        times: Times {
            due_at: Times::due_at(waiting.scheduled_for),
            expires_at: waiting.expires_at,
        },
        body: Some(body),
        template_id: waiting.template_id,
        variants,
    };
    if event_rows::write(&EventRow::Locked, &source, &decided).is_none() {
        return Ok(None);
    }
    let progress = [
        waiting.event.into(),
        last.into(),
        deliveries.into(),
        is_done.into(),
    ];
    FAN_OUT_PROGRESS
        .row(&progress, |_| Ok(()))?
        .ok_or_else(|| unexpected("fan-out state"))?;
    Ok(Some((deliveries, is_done)))
}
