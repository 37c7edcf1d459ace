//! An event for one user: the most frequent kind, so it goes the shortest way. The gate is asked for each channel; what it says of
//! texts and what follows from it is read and written without a statement (`person`, `event_rows`), or else by plain inserts.

use std::slice;

use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};

use crate::decided::{Decided, Decision, SMS};
use crate::emit::{IN_APP, Judged, Request};
use crate::event::{Event, Source};
use crate::event_rows::{self, EventRow};
use crate::id::new_id;
use crate::lookup::Lookup;
use crate::notify;
use crate::person::{self, Wanted};
use crate::queries::{
    EMIT_DECIDE, EMIT_EVENT, EMIT_EVENT_ONCE, EMIT_IN_APP, EMIT_SUPPRESSED, EMIT_TEXT, MORE_IN_APP,
    MORE_SUPPRESSED, MORE_TEXT,
};
use crate::query::{Query, Row, jsonb};
use crate::report::{Result, unexpected};

/// An event for one user.
struct Emission<'a> {
    event: Event<'a>,
    target: Uuid,
}

/// Writes the event and what follows from it. `None`: a concurrent transaction has the same dedup key.
pub fn write(
    request: &Request,
    target: Uuid,
    lookup: &Lookup,
    judged: &Judged,
    status: &str,
) -> Result<Option<Uuid>> {
    let emission = Emission {
        event: Event::new(request, lookup, judged, status),
        target,
    };
    Ok(emission.write()?.then_some(emission.event.id))
}

impl Emission<'_> {
    /// Writes it; false if its key is used.
    fn write(&self) -> Result<bool> {
        let event = &self.event;
        let channels = match event.status {
            "quarantined" => &[],
            _ => event.request.channels(event.lookup),
        };
        // The event's row is written with the first of its deliveries, unless a key may be in its way.
        let mut row = EventRow::New(event);
        if event.request.dedup_key.is_some() {
            if self.run(&EMIT_EVENT_ONCE, &Decision::default())?.is_none() {
                return Ok(false);
            }
            row = EventRow::Written;
        }
        for channel in channels {
            self.write_channel(self.decide(channel)?, &row)?;
            row = EventRow::Written;
        }
        if matches!(row, EventRow::New(_))
            && event_rows::write(&row, &event.source(), &[]).is_none()
        {
            self.run(&EMIT_EVENT, &Decision::default())?;
        }
        Ok(true)
    }

    /// Writes what follows from a decision.
    fn write_channel(&self, decision: Decision<'_>, event: &EventRow<'_>) -> Result<()> {
        let decided = Decided {
            user: self.target,
            decision,
            delivery_id: new_id(),
            message_id: new_id(),
        };
        let written = event_rows::write(event, &self.event.source(), slice::from_ref(&decided));
        if written.is_some() {
            return Ok(());
        }
        let is_shown = decided.goes() && decided.decision.channel == Some(IN_APP);
        let has_event = !matches!(event, EventRow::New(_));
        let statement = match (decided.goes(), is_shown, has_event) {
            (false, _, false) => &EMIT_SUPPRESSED,
            (false, _, true) => &MORE_SUPPRESSED,
            (true, true, false) => &EMIT_IN_APP,
            (true, true, true) => &MORE_IN_APP,
            (true, false, false) => &EMIT_TEXT,
            (true, false, true) => &MORE_TEXT,
        };
        self.run(statement, &decided.decision).map(drop)
    }

    /// Asks the gate.
    fn decide<'a>(&self, channel: &'a str) -> Result<Decision<'a>> {
        let rules = &self.event.lookup.rules;
        if channel == SMS && !rules.admin_only && self.event.judged.variants.is_empty() {
            let decision = self.decide_text()?;
            if let Some(decision) = decision {
                return Ok(decision);
            }
        }
        let arguments = [
            self.target.into(),
            self.event.request.event_type.as_str().into(),
            jsonb(self.event.request.payload),
            channel.into(),
            rules.is_active.into(),
            rules.admin_only.into(),
            self.event.times.due_at.into(),
            self.event.times.expires_at.into(),
            rules.prefixes.clone().into(),
            rules.spread.into(),
            rules.minimum.into(),
            self.event.judged.priority.as_str().into(),
            self.event.judged.variants.locales(),
        ];
        let read = |row: &Row<'_>| {
            Ok(Decision {
                channel: Some(channel),
                subscription: row.get(1)?,
                number: row.get(2)?,
                variant: row.get(3)?,
                open_at: row.get(4)?,
                reason: row.get(5)?,
            })
        };
        let decision = EMIT_DECIDE.keyed_row(&arguments, read)?;
        decision.ok_or_else(|| unexpected("decision"))
    }

    /// What the gate says of a text, without a statement. `None`: that takes one, since the application has to be asked for
    /// the person's time zone, or the tables are not as we make them.
    fn decide_text<'a>(&self) -> Result<Option<Decision<'a>>> {
        let rules = &self.event.lookup.rules;
        let found = person::look(
            self.target,
            &self.event.request.event_type,
            self.event.request.payload,
        );
        let Some(person) = found else {
            return Ok(None);
        };
        let wanted = Wanted {
            subscription: person.subscription,
            priority: self.event.judged.priority,
            due_at: self.event.times.due_at.into(),
            expires_at: self.event.times.expires_at.map(Into::into),
        };
        let zone = person.zone.as_deref();
        let Ok(verdict) = person.gate(self.target, zone, rules, &wanted) else {
            return Ok(None);
        };
        let open_at = verdict.open_at.map(TimestampWithTimeZone::try_from);
        Ok(Some(Decision {
            channel: Some(SMS),
            subscription: person.subscription_id,
            variant: None,
            open_at: open_at.transpose().map_err(|_| unexpected("time"))?,
            reason: verdict.refusal.map(|reason| reason.to_string()),
            number: person.phone_number,
        }))
    }

    /// Runs one of the statements that write; `None` if it gives no row.
    fn run(&self, statement: &Query, decision: &Decision<'_>) -> Result<Option<()>> {
        let source = self.event.source();
        statement.keyed_row(&self.arguments(&source, decision), |_| Ok(()))
    }

    /// See `sql/queries/emit_target.sql`.
    fn arguments<'a>(
        &'a self,
        source: &'a Source<'_>,
        decision: &'a Decision<'_>,
    ) -> [DatumWithOid<'a>; 31] {
        let (request, judged) = (self.event.request, self.event.judged);
        let body = source.body(decision);
        let [title, action_url] = judged.heading.arguments();
        [
            self.event.id.into(),
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
            self.event.times.expires_at.into(),
            self.event.lookup.rules.template_id.into(),
            self.event.status.into(),
            judged.problems.clone().into(),
            body.map(|body| body.text.as_str()).into(),
            body.map(|body| body.encoding).into(),
            body.map(|body| body.segments).into(),
            notify::wakes().into(),
            self.event.times.due_at.into(),
            title,
            action_url,
            decision.subscription.into(),
            decision.channel.into(),
            decision.number.as_deref().into(),
            decision.open_at.into(),
            decision.reason.as_deref().into(),
            new_id().into(),
            new_id().into(),
            source.template(decision).into(),
        ]
    }
}
