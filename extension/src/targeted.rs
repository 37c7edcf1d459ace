//! An event for one user: the most frequent kind, so it goes the shortest way. The gate is asked for each channel, about a
//! text without a statement, and what it lets through is written by plain inserts; nothing runs that has nothing to write.

use herald_core::gate::{self, Facts};
use herald_core::priority::Priority;
use pgrx::datetime;
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};

use crate::emit::{IN_APP, Judged, Request};
use crate::id::new_id;
use crate::lookup::Lookup;
use crate::notify;
use crate::person;
use crate::queries::{
    EMIT_DECIDE, EMIT_EVENT, EMIT_EVENT_ONCE, EMIT_IN_APP, EMIT_SUPPRESSED, EMIT_TEXT, MORE_IN_APP,
    MORE_SUPPRESSED, MORE_TEXT,
};
use crate::query::{Query, jsonb};
use crate::quiet::herald_open_at;
use crate::report::{Result, unexpected};

/// The channel of texts.
const SMS: &str = "sms";

/// The gate's word on one channel.
#[derive(Default)]
struct Decision<'a> {
    channel: Option<&'a str>,
    subscription: Option<Uuid>,
    number: Option<String>,
    /// Which of the other languages, from 1.
    variant: Option<i32>,
    open_at: Option<TimestampWithTimeZone>,
    /// Why nothing goes.
    reason: Option<String>,
}

/// When an event is due, and until when it is worth telling.
#[derive(Clone, Copy)]
struct Times {
    due_at: TimestampWithTimeZone,
    expires_at: Option<TimestampWithTimeZone>,
}

impl Times {
    fn of(request: &Request, lookup: &Lookup) -> Self {
        let now = datetime::now();
        let due_at = match request.scheduled_for {
            Some(later) if later > now => later,
            _ => now,
        };
        let by_type = lookup.rules.expires_after.map(|after| due_at + after);
        Self {
            due_at,
            expires_at: request.expires_at.or(by_type),
        }
    }
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
    let times = Times::of(request, lookup);
    let run = |statement: &Query, decision: &Decision<'_>| {
        let values = arguments(event, request, lookup, judged, times, status, decision);
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
        let decision = decide(request, target, lookup, judged, times, channel)?;
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
    times: Times,
    channel: &'a str,
) -> Result<Decision<'a>> {
    let rules = &lookup.rules;
    if channel == SMS && !rules.admin_only && judged.variants.is_empty() {
        let decision = decide_text(request, target, lookup, judged, times)?;
        if let Some(decision) = decision {
            return Ok(decision);
        }
    }
    let arguments = [
        target.into(),
        request.event_type.as_str().into(),
        jsonb(request.payload),
        channel.into(),
        rules.is_active.into(),
        rules.admin_only.into(),
        times.due_at.into(),
        times.expires_at.into(),
        rules.prefixes.clone().into(),
        rules.spread.into(),
        rules.minimum.into(),
        judged.priority.as_str().into(),
        judged.variants.locales(),
    ];
    let decision = EMIT_DECIDE.keyed_row(&arguments, |row| {
        Ok(Decision {
            channel: Some(channel),
            subscription: row.get(1)?,
            number: row.get(2)?,
            variant: row.get(3)?,
            open_at: row.get(4)?,
            reason: row.get(5)?,
        })
    })?;
    decision.ok_or_else(|| unexpected("decision"))
}

/// What the gate says of a text, without a statement. `None`: that takes one, since the application has to be asked for the
/// person's time zone, or the tables are not as we make them.
fn decide_text<'a>(
    request: &Request,
    target: Uuid,
    lookup: &Lookup,
    judged: &Judged,
    times: Times,
) -> Result<Option<Decision<'a>>> {
    let rules = &lookup.rules;
    let Some(person) = person::look(target, &request.event_type, request.payload) else {
        return Ok(None);
    };
    let due_at = times.due_at.into();
    let open_at = match person.quiet_hours {
        None => None,
        Some((start, end)) if start == end => Some(due_at),
        Some(_) if judged.priority == Priority::Urgent && person.urgent_passes => Some(due_at),
        Some((start, end)) => match (&person.zone, rules.minimum, rules.spread) {
            (Some(zone), Some(minimum), Some(spread)) => Some(herald_open_at(
                due_at, start, end, zone, minimum, spread, target,
            )),
            _ => return Ok(None),
        },
    };
    let facts = Facts {
        is_cancelled: false,
        is_type_active: rules.is_active,
        subscription: person.subscription(),
        is_in_audience: true,
        channel: SMS,
        is_channel_enabled: person.is_enabled,
        phone_number: person.phone_number.as_deref(),
        is_verified: person.is_verified,
        is_invalid: person.is_invalid,
        is_opted_out: person.is_opted_out,
        due_at,
        expires_at: times.expires_at.map(Into::into),
        open_at,
    };
    let is_allowed = |number: &str| {
        rules
            .prefixes
            .iter()
            .any(|prefix| number.starts_with(prefix))
    };
    let reason = gate::refusal(&facts, is_allowed);
    let open_at = open_at.map(TimestampWithTimeZone::try_from).transpose();
    Ok(Some(Decision {
        channel: Some(SMS),
        subscription: person.subscription_id,
        variant: None,
        open_at: open_at.map_err(|_| unexpected("time"))?,
        reason: reason.map(str::to_owned),
        number: person.phone_number,
    }))
}

fn arguments<'a>(
    event: Uuid,
    request: &'a Request,
    lookup: &Lookup,
    judged: &'a Judged,
    times: Times,
    status: &'a str,
    decision: &'a Decision<'_>,
) -> [DatumWithOid<'a>; 31] {
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
        times.expires_at.into(),
        lookup.rules.template_id.into(),
        status.into(),
        judged.problems.clone().into(),
        body.map(|body| body.text.as_str()).into(),
        body.map(|body| body.encoding).into(),
        body.map(|body| body.segments).into(),
        notify::wakes().into(),
        times.due_at.into(),
        title,
        action_url,
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
