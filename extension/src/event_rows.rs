//! The rows of an event as values: what `emit_event.sql`, `deliver.sql` and `texts.sql` say in SQL. That both write
//! the same is tested (`pg_test/sql/emit_rows.sql`, `broadcast_rows.sql`).

use pgrx::datetime;
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone};
use pgrx::pg_sys;

use crate::decided::{Decided, Decision, SMS};
use crate::direct::Known;
use crate::direct::insert::{NewRows, insert};
use crate::direct::parents::Reference;
use crate::direct::shape::{Shape, Target};
use crate::emit::IN_APP;
use crate::event::{Event, Source};
use crate::json;
use crate::notify;
use crate::query::jsonb;

const EVENT: Target = Target {
    name: c"notification_events",
    columns: &[
        (c"id", pg_sys::UUIDOID),
        (c"event_type", pg_sys::TEXTOID),
        (c"event_source", pg_sys::TEXTOID),
        (c"actor_user_id", pg_sys::UUIDOID),
        (c"target_user_id", pg_sys::UUIDOID),
        (c"payload", pg_sys::JSONBOID),
        (c"metadata", pg_sys::JSONBOID),
        (c"correlation_id", pg_sys::UUIDOID),
        (c"dedup_key", pg_sys::TEXTOID),
        (c"priority", pg_sys::TEXTOID),
        (c"scheduled_for", pg_sys::TIMESTAMPTZOID),
        (c"expires_at", pg_sys::TIMESTAMPTZOID),
        (c"template_id", pg_sys::UUIDOID),
        (c"status", pg_sys::TEXTOID),
        (c"problems", pg_sys::TEXTARRAYOID),
    ],
    checked: &[],
    constraints: &[],
    parent: None,
};
const DELIVERY: Target = Target {
    name: c"notification_deliveries",
    columns: &[
        (c"id", pg_sys::UUIDOID),
        (c"event_id", pg_sys::UUIDOID),
        (c"subscription_id", pg_sys::UUIDOID),
        (c"recipient_user_id", pg_sys::UUIDOID),
        (c"channel", pg_sys::TEXTOID),
        (c"channel_identifier", pg_sys::TEXTOID),
        (c"status", pg_sys::TEXTOID),
        (c"suppress_reason", pg_sys::TEXTOID),
        (c"defer_reason", pg_sys::TEXTOID),
        (c"deferred_until", pg_sys::TIMESTAMPTZOID),
        (c"external_id", pg_sys::TEXTOID),
        (c"correlation_id", pg_sys::UUIDOID),
    ],
    checked: &[],
    constraints: &["(((status)::text = 'suppressed'::text) = (suppress_reason IS NOT NULL))"],
    parent: Some(Reference {
        column: c"event_id",
        table: c"notification_events",
        key: c"id",
    }),
};
const TEXT: Target = Target {
    name: c"sms_messages",
    columns: &[
        (c"id", pg_sys::UUIDOID),
        (c"user_id", pg_sys::UUIDOID),
        (c"phone_number", pg_sys::TEXTOID),
        (c"message_content", pg_sys::TEXTOID),
        (c"template_id", pg_sys::UUIDOID),
        (c"status", pg_sys::TEXTOID),
        (c"priority", pg_sys::TEXTOID),
        (c"scheduled_for", pg_sys::TIMESTAMPTZOID),
        (c"expires_at", pg_sys::TIMESTAMPTZOID),
        (c"max_attempts", pg_sys::INT4OID),
        (c"segments", pg_sys::INT2OID),
        (c"encoding", pg_sys::TEXTOID),
        (c"notification_delivery_id", pg_sys::UUIDOID),
        (c"defer_reason", pg_sys::TEXTOID),
        (c"deferred_until", pg_sys::TIMESTAMPTZOID),
    ],
    checked: &[c"phone_number", c"message_content"],
    constraints: &["((phone_number IS NOT NULL) OR (erased_at IS NOT NULL))"],
    parent: Some(Reference {
        column: c"notification_delivery_id",
        table: c"notification_deliveries",
        key: c"id",
    }),
};
const JOB: Target = Target {
    name: c"queue_jobs",
    columns: &[
        (c"subject_id", pg_sys::UUIDOID),
        (c"job_type", pg_sys::TEXTOID),
        (c"priority", pg_sys::INT2OID),
        (c"run_at", pg_sys::TIMESTAMPTZOID),
        (c"wakes", pg_sys::BOOLOID),
    ],
    checked: &[],
    constraints: &[],
    parent: None,
};

/// How often a text is tried.
const MOST_ATTEMPTS: i32 = 3;

/// The four tables.
struct Shapes {
    event: Shape,
    delivery: Shape,
    text: Shape,
    job: Shape,
}

thread_local! {
    static SHAPES: Known<Option<Shapes>> = const { Known::new() };
}

/// Where the row of an event is.
pub enum EventRow<'a> {
    /// It is to be written.
    New(&'a Event<'a>),
    /// It was written before.
    Written,
    /// This transaction has it locked.
    Locked,
}

/// Writes what follows from what was decided, and the event itself if it is new. `None`: nothing was written, it takes a
/// statement.
pub fn write(event: &EventRow<'_>, source: &Source<'_>, decided: &[Decided<'_>]) -> Option<()> {
    let is_shown = |each: &Decided<'_>| each.goes() && each.decision.channel == Some(IN_APP);
    if decided.iter().any(is_shown) {
        return None;
    }
    let find = || {
        Some(Shapes {
            event: Shape::find(&EVENT)?,
            delivery: Shape::find(&DELIVERY)?,
            text: Shape::find(&TEXT)?,
            job: Shape::find(&JOB)?,
        })
    };
    let (state, shapes) = SHAPES.with(|shapes| shapes.get(find));
    let shapes = shapes.as_ref().as_ref()?;
    let going = || decided.iter().filter(|each| each.goes());
    let mut tables = Vec::with_capacity(4);
    if let EventRow::New(event) = event {
        tables.push(NewRows {
            shape: &shapes.event,
            has_parent: false,
            values: Box::new(std::iter::once_with(|| row_of_event(event).into())),
        });
    }
    if !decided.is_empty() {
        tables.push(NewRows {
            shape: &shapes.delivery,
            has_parent: matches!(event, EventRow::Locked),
            values: Box::new(decided.iter().map(|each| delivery(source, each).into())),
        });
    }
    if going().next().is_some() {
        tables.push(NewRows {
            shape: &shapes.text,
            has_parent: false,
            values: Box::new(going().map(|each| text(source, each).into())),
        });
        // Of many one wakes the daemons.
        let jobs = going()
            .zip(0..)
            .map(|(each, place)| job(source, each, place == 0).into());
        tables.push(NewRows {
            shape: &shapes.job,
            has_parent: false,
            values: Box::new(jobs),
        });
    }
    insert(state, tables)
}

fn row_of_event<'a>(event: &'a Event<'_>) -> [DatumWithOid<'a>; 15] {
    let (request, judged) = (event.request, event.judged);
    [
        event.id.into(),
        request.event_type.as_str().into(),
        request.known_source().into(),
        request.actor.into(),
        request.target.into(),
        jsonb(json::or_empty(request.payload)),
        jsonb(json::or_empty(request.metadata)),
        judged.correlation_id.into(),
        request.dedup_key.as_deref().into(),
        judged.priority.as_str().into(),
        request.scheduled_for.into(),
        event.times.expires_at.into(),
        event.lookup.rules.template_id.into(),
        event.status.into(),
        listed(&judged.problems),
    ]
}

/// Texts as an array. That of none, as it mostly is, takes no building.
fn listed(texts: &[String]) -> DatumWithOid<'_> {
    if !texts.is_empty() {
        return texts.to_vec().into();
    }
    // SAFETY: the array is made here, and of that type.
    unsafe {
        let none = pg_sys::construct_empty_array(pg_sys::TEXTOID);
        DatumWithOid::new(pg_sys::Datum::from(none), pg_sys::TEXTARRAYOID)
    }
}

fn delivery<'a>(source: &Source<'_>, decided: &'a Decided<'_>) -> [DatumWithOid<'a>; 12] {
    let decision = &decided.decision;
    let goes = decided.goes();
    let later = deferred_until(source, decision);
    let number = match decision.channel {
        Some(SMS) => decision.number.as_deref().unwrap_or(""),
        _ => "",
    };
    let status = match (goes, later) {
        (false, _) => "suppressed",
        (true, Some(_)) => "deferred",
        (true, None) => "pending",
    };
    [
        decided.delivery_id.into(),
        source.event.into(),
        decision.subscription.into(),
        decided.user.into(),
        decision.channel.into(),
        number.into(),
        status.into(),
        decision.reason.as_deref().into(),
        later.map(|_| "quiet_hours").into(),
        later.into(),
        goes.then(|| uuid::Uuid::from_bytes(*decided.message_id.as_bytes()).to_string())
            .into(),
        source.correlation_id.into(),
    ]
}

fn text<'a>(source: &'a Source<'_>, decided: &'a Decided<'_>) -> [DatumWithOid<'a>; 15] {
    let decision = &decided.decision;
    let body = source.body(decision);
    let later = deferred_until(source, decision);
    let status = match decision.open_at {
        Some(open_at) if open_at > datetime::now() => "scheduled",
        _ => "pending",
    };
    [
        decided.message_id.into(),
        decided.user.into(),
        decision.number.as_deref().into(),
        body.map(|body| body.text.as_str()).into(),
        source.template(decision).into(),
        status.into(),
        source.priority.as_str().into(),
        source.scheduled_for.into(),
        source.times.expires_at.into(),
        MOST_ATTEMPTS.into(),
        body.map(|body| body.segments).into(),
        body.map(|body| body.encoding).into(),
        decided.delivery_id.into(),
        later.map(|_| "quiet_hours").into(),
        later.into(),
    ]
}

fn job<'a>(source: &Source<'_>, decided: &'a Decided<'_>, may_wake: bool) -> [DatumWithOid<'a>; 5] {
    let open_at = decided.decision.open_at;
    let is_due = open_at.is_some_and(|open_at| open_at <= datetime::now());
    [
        decided.message_id.into(),
        "send_sms".into(),
        source.priority.queue_rank().into(),
        open_at.into(),
        (may_wake && is_due && notify::wakes()).into(),
    ]
}

/// Until when quiet hours put a text off that is due earlier.
fn deferred_until(source: &Source<'_>, decision: &Decision<'_>) -> Option<TimestampWithTimeZone> {
    let open_at = decision.open_at.filter(|_| decision.reason.is_none())?;
    (open_at > source.times.due_at).then_some(open_at)
}
