//! An event for one user: the most frequent kind, so it goes the shortest way. The gate is asked in one small statement per
//! channel, and what it lets through is written by plain inserts; nothing runs that has nothing to write.

use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};

use crate::emit::{IN_APP, Judged, Request};
use crate::id::new_id;
use crate::lookup::Lookup;
use crate::notify;
use crate::queries::{
    EMIT_DECIDE, EMIT_DECIDE_ASKING, EMIT_EVENT, EMIT_EVENT_ONCE, EMIT_IN_APP, EMIT_SUPPRESSED,
    EMIT_TEXT, MORE_IN_APP, MORE_SUPPRESSED, MORE_TEXT,
};
use crate::query::{Query, jsonb};
use crate::report::{Result, unexpected};

/// The gate's word when quiet hours cannot be known.
const UNKNOWN_ZONE: &str = "unknown_time_zone";

/// The gate's word on one channel.
#[derive(Default)]
struct Decision<'a> {
    channel: Option<&'a str>,
    subscription: Option<Uuid>,
    number: Option<String>,
    /// Which of the other languages, from 1.
    variant: Option<i32>,
    /// When it is due, and from when on it may go.
    due_at: Option<TimestampWithTimeZone>,
    open_at: Option<TimestampWithTimeZone>,
    /// Why nothing goes.
    reason: Option<String>,
}

/// Writes the event and what follows from it. `None`: a concurrent transaction has the same dedup key.
pub fn write(
    request: &Request,
    target: Uuid,
    lookup: &Lookup,
    judged: &Judged,
    status: &str,
) -> Result<Option<Uuid>> {
    let event = new_id();
    let run = |statement: &Query, decision: &Decision<'_>| {
        let values = arguments(event, request, lookup, judged, status, decision);
        statement.keyed_row(&values, |_| Ok(()))
    };
    let channels = match status {
        "quarantined" => &[],
        _ => request.channels(lookup),
    };
    // The event's row is written with the first of its deliveries, unless a key may be in its way.
    let mut has_event = request.dedup_key.is_some();
    if has_event && run(&EMIT_EVENT_ONCE, &Decision::default())?.is_none() {
        return Ok(None);
    }
    for channel in channels {
        let decision = decide(request, target, lookup, judged, channel)?;
        let statement = match (&decision.reason, channel.as_str(), has_event) {
            (Some(_), _, false) => &EMIT_SUPPRESSED,
            (Some(_), _, true) => &MORE_SUPPRESSED,
            (None, IN_APP, false) => &EMIT_IN_APP,
            (None, IN_APP, true) => &MORE_IN_APP,
            (None, _, false) => &EMIT_TEXT,
            (None, _, true) => &MORE_TEXT,
        };
        run(statement, &decision)?;
        has_event = true;
    }
    if !has_event {
        run(&EMIT_EVENT, &Decision::default())?;
    }
    Ok(Some(event))
}

/// Asks the gate.
fn decide<'a>(
    request: &Request,
    target: Uuid,
    lookup: &Lookup,
    judged: &Judged,
    channel: &'a str,
) -> Result<Decision<'a>> {
    let rules = &lookup.rules;
    let arguments = [
        target.into(),
        request.event_type.as_str().into(),
        jsonb(request.payload),
        channel.into(),
        rules.is_active.into(),
        rules.admin_only.into(),
        request.scheduled_for.into(),
        request.expires_at.into(),
        rules.expires_after.into(),
        rules.prefixes.clone().into(),
        rules.spread.into(),
        rules.minimum.into(),
        judged.priority.as_str().into(),
        judged.variants.locales(),
    ];
    let ask = |statement: &Query| {
        let decision = statement.keyed_row(&arguments, |row| {
            Ok(Decision {
                channel: Some(channel),
                subscription: row.get(1)?,
                number: row.get(2)?,
                variant: row.get(3)?,
                open_at: row.get(4)?,
                reason: row.get(5)?,
                due_at: row.get(6)?,
            })
        })?;
        decision.ok_or_else(|| unexpected("decision"))
    };
    if !rules.admin_only {
        let decision = ask(&EMIT_DECIDE)?;
        // Without a zone of the person's own the application is asked for one.
        if decision.reason.as_deref() != Some(UNKNOWN_ZONE) {
            return Ok(decision);
        }
    }
    ask(&EMIT_DECIDE_ASKING)
}

fn arguments<'a>(
    event: Uuid,
    request: &'a Request,
    lookup: &Lookup,
    judged: &'a Judged,
    status: &'a str,
    decision: &'a Decision<'_>,
) -> [DatumWithOid<'a>; 32] {
    let variant = decision.variant;
    let translated = variant.and_then(|place| judged.variants.body(place));
    let body = translated.or(judged.body.as_ref());
    let template = variant.and_then(|place| judged.variants.template(place));
    let [title, action_url] = judged.heading.arguments();
    [
        event.into(),
        request.event_type.as_str().into(),
        request.known_source().into(),
        request.actor.into(),
        request.target.into(),
        jsonb(request.payload),
        jsonb(request.metadata),
        judged.correlation_id.into(),
        request.dedup_key.as_deref().into(),
        judged.priority.as_str().into(),
        judged.priority.queue_rank().into(),
        request.scheduled_for.into(),
        request.expires_at.into(),
        lookup.rules.template_id.into(),
        status.into(),
        judged.problems.clone().into(),
        body.map(|body| body.text.as_str()).into(),
        body.map(|body| body.encoding).into(),
        body.map(|body| body.segments).into(),
        notify::wakes().into(),
        lookup.rules.expires_after.into(),
        title,
        action_url,
        decision.due_at.into(),
        decision.subscription.into(),
        decision.channel.into(),
        decision.number.as_deref().into(),
        decision.open_at.into(),
        decision.reason.as_deref().into(),
        new_id().into(),
        new_id().into(),
        template.or(lookup.rules.template_id).into(),
    ]
}
