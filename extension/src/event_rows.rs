//! The rows of an event for one user as values: what `emit_event.sql`, `deliver.sql` and `texts.sql` say in SQL. That both write
//! the same is tested (`pg_test/sql/emit_rows.sql`).

use pgrx::datetime;
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;

use crate::direct::Known;
use crate::direct::insert::{NewRow, Shape, Target, insert};
use crate::direct::parents::Reference;
use crate::id::new_id;
use crate::json;
use crate::notify;
use crate::query::jsonb;
use crate::targeted::{Decision, Emission, SMS};

const EVENT: Target = Target {
    name: c"notification_events",
    columns: &[
        c"id",
        c"event_type",
        c"event_source",
        c"actor_user_id",
        c"target_user_id",
        c"payload",
        c"metadata",
        c"correlation_id",
        c"dedup_key",
        c"priority",
        c"scheduled_for",
        c"expires_at",
        c"template_id",
        c"status",
        c"problems",
    ],
    checked: &[],
    constraints: &[],
    parent: None,
};
const DELIVERY: Target = Target {
    name: c"notification_deliveries",
    columns: &[
        c"id",
        c"event_id",
        c"subscription_id",
        c"recipient_user_id",
        c"channel",
        c"channel_identifier",
        c"status",
        c"suppress_reason",
        c"defer_reason",
        c"deferred_until",
        c"external_id",
        c"correlation_id",
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
        c"id",
        c"user_id",
        c"phone_number",
        c"message_content",
        c"template_id",
        c"status",
        c"priority",
        c"scheduled_for",
        c"expires_at",
        c"max_attempts",
        c"segments",
        c"encoding",
        c"notification_delivery_id",
        c"defer_reason",
        c"deferred_until",
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
    columns: &[c"subject_id", c"job_type", c"priority", c"run_at", c"wakes"],
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

/// Writes what follows from a decision on a text, and the event itself if it is not there yet. `None`: nothing was written, it
/// takes a statement.
pub fn write(
    emission: &Emission<'_>,
    with_event: bool,
    decision: Option<&Decision<'_>>,
) -> Option<()> {
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
    let event = with_event.then(|| event(emission));
    let (delivery_id, message_id) = (new_id(), new_id());
    let delivery = decision.map(|decision| delivery(emission, decision, delivery_id, message_id));
    let going = decision.filter(|decision| decision.reason.is_none());
    let text = going.map(|decision| text(emission, decision, delivery_id, message_id));
    let job = going.map(|decision| job(emission, decision, message_id));
    let rows = [
        event.as_ref().map(|values| NewRow {
            shape: &shapes.event,
            values,
        }),
        delivery.as_ref().map(|values| NewRow {
            shape: &shapes.delivery,
            values,
        }),
        text.as_ref().map(|values| NewRow {
            shape: &shapes.text,
            values,
        }),
        job.as_ref().map(|values| NewRow {
            shape: &shapes.job,
            values,
        }),
    ];
    insert(state, &rows.into_iter().flatten().collect::<Vec<_>>())
}

fn event<'a>(emission: &'a Emission<'_>) -> [DatumWithOid<'a>; 15] {
    let (request, judged) = (emission.request, emission.judged);
    [
        emission.event.into(),
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
        emission.times.expires_at.into(),
        emission.lookup.rules.template_id.into(),
        emission.status.into(),
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

fn delivery<'a>(
    emission: &'a Emission<'_>,
    decision: &'a Decision<'_>,
    id: Uuid,
    message: Uuid,
) -> [DatumWithOid<'a>; 12] {
    let goes = decision.reason.is_none();
    let later = deferred_until(emission, decision);
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
        id.into(),
        emission.event.into(),
        decision.subscription.into(),
        emission.target.into(),
        decision.channel.into(),
        number.into(),
        status.into(),
        decision.reason.as_deref().into(),
        later.map(|_| "quiet_hours").into(),
        later.into(),
        goes.then(|| uuid::Uuid::from_bytes(*message.as_bytes()).to_string())
            .into(),
        emission.judged.correlation_id.into(),
    ]
}

fn text<'a>(
    emission: &'a Emission<'_>,
    decision: &'a Decision<'_>,
    delivery: Uuid,
    id: Uuid,
) -> [DatumWithOid<'a>; 15] {
    let body = emission.body(decision);
    let later = deferred_until(emission, decision);
    let status = match decision.open_at {
        Some(open_at) if open_at > datetime::now() => "scheduled",
        _ => "pending",
    };
    [
        id.into(),
        emission.target.into(),
        decision.number.as_deref().into(),
        body.map(|body| body.text.as_str()).into(),
        emission.template(decision).into(),
        status.into(),
        emission.judged.priority.as_str().into(),
        emission.request.scheduled_for.into(),
        emission.times.expires_at.into(),
        MOST_ATTEMPTS.into(),
        body.map(|body| body.segments).into(),
        body.map(|body| body.encoding).into(),
        delivery.into(),
        later.map(|_| "quiet_hours").into(),
        later.into(),
    ]
}

fn job<'a>(
    emission: &Emission<'_>,
    decision: &Decision<'_>,
    message: Uuid,
) -> [DatumWithOid<'a>; 5] {
    let is_due = decision
        .open_at
        .is_some_and(|open_at| open_at <= datetime::now());
    [
        message.into(),
        "send_sms".into(),
        emission.judged.priority.queue_rank().into(),
        decision.open_at.into(),
        (notify::wakes() && is_due).into(),
    ]
}

/// Until when quiet hours put a text off that is due earlier.
fn deferred_until(
    emission: &Emission<'_>,
    decision: &Decision<'_>,
) -> Option<TimestampWithTimeZone> {
    let open_at = decision.open_at.filter(|_| decision.reason.is_none())?;
    (open_at > emission.times.due_at).then_some(open_at)
}
