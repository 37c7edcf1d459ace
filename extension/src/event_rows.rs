//! The rows of an event as values: what `emit_event.sql`, `deliver.sql` and `texts.sql` say in SQL. That both write
//! the same is tested (`pg_test/sql/emit_rows.sql`).

use herald_core::priority::Priority;
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
use crate::emit::IN_APP;
use crate::targeted::{Decision, Emission, SMS, Times};
use crate::text::Body;
use crate::variants::Variants;

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

/// What all rows of an event have in common.
pub struct Source<'a> {
    /// The event.
    pub event: Uuid,
    /// Its correlation id.
    pub correlation_id: Option<Uuid>,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was meant to be due.
    pub scheduled_for: Option<TimestampWithTimeZone>,
    /// When it is.
    pub times: Times,
    /// Its text in the default language.
    pub body: Option<&'a Body>,
    /// The template of that.
    pub template_id: Option<Uuid>,
    /// Its texts in other languages.
    pub variants: &'a Variants,
}

/// A recipient, and what the gate says of one channel.
pub struct Decided<'a> {
    /// Who.
    pub user: Uuid,
    /// What.
    pub decision: &'a Decision<'a>,
    /// The delivery that is written.
    pub delivery_id: Uuid,
    /// The text that is written if it may go.
    pub message_id: Uuid,
}

impl Source<'_> {
    /// The text, in the language that was chosen.
    pub fn body(&self, decision: &Decision<'_>) -> Option<&Body> {
        let variant = decision.variant;
        let translated = variant.and_then(|place| self.variants.body(place));
        translated.or(self.body)
    }

    /// The template of that text.
    pub fn template(&self, decision: &Decision<'_>) -> Option<Uuid> {
        let variant = decision.variant;
        let translated = variant.and_then(|place| self.variants.template(place));
        translated.or(self.template_id)
    }
}

/// Writes what follows from a decision on a text, and the event itself if it is not there yet. `None`: nothing was written, it
/// takes a statement.
pub fn write(
    emission: &Emission<'_>,
    with_event: bool,
    decision: Option<&Decision<'_>>,
) -> Option<()> {
    let decided = decision.map(|decision| Decided {
        user: emission.target,
        decision,
        delivery_id: new_id(),
        message_id: new_id(),
    });
    let event = with_event.then(|| event(emission));
    insert_all(event.as_ref(), &emission.source(), decided.as_slice(), false)
}

/// Writes what follows from decisions on an event that this transaction has locked. `None`: nothing was written, it takes a
/// statement.
pub fn write_more(source: &Source<'_>, decided: &[Decided<'_>]) -> Option<()> {
    let shown = |decided: &Decided<'_>| {
        decided.decision.channel == Some(IN_APP) && decided.decision.reason.is_none()
    };
    if decided.iter().any(shown) {
        return None;
    }
    insert_all(None, source, decided, true)
}

fn insert_all(
    event: Option<&[DatumWithOid<'_>; 15]>,
    source: &Source<'_>,
    decided: &[Decided<'_>],
    has_event: bool,
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
    let deliveries: Vec<_> = decided.iter().map(|each| delivery(source, each)).collect();
    let going = decided.iter().filter(|each| each.decision.reason.is_none());
    let texts: Vec<_> = going.clone().map(|each| text(source, each)).collect();
    // Of many one wakes the daemons.
    let jobs = going.zip(0..).map(|(each, place)| job(source, each, place == 0));
    let jobs: Vec<_> = jobs.collect();
    let mut rows = Vec::with_capacity(1 + deliveries.len() + texts.len() + jobs.len());
    rows.extend(event.map(|values| shapes.event.row(values)));
    let with_event = |values| NewRow {
        has_parent: has_event,
        ..shapes.delivery.row(values)
    };
    rows.extend(deliveries.iter().map(|values| with_event(values)));
    rows.extend(texts.iter().map(|values| shapes.text.row(values)));
    rows.extend(jobs.iter().map(|values| shapes.job.row(values)));
    insert(state, &rows)
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

fn delivery<'a>(source: &Source<'_>, decided: &Decided<'a>) -> [DatumWithOid<'a>; 12] {
    let decision = decided.decision;
    let goes = decision.reason.is_none();
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

fn text<'a>(source: &'a Source<'_>, decided: &Decided<'a>) -> [DatumWithOid<'a>; 15] {
    let decision = decided.decision;
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

fn job<'a>(source: &Source<'_>, decided: &Decided<'a>, may_wake: bool) -> [DatumWithOid<'a>; 5] {
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
