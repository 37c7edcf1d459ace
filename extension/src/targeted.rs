//! An event for one user: the most frequent kind, so it goes the shortest way. The gate is asked for each channel; what it says of
//! texts and what follows from it is read and written without a statement (`person`, `event_rows`), or else by plain inserts.

use pgrx::datetime;
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};

use crate::emit::{IN_APP, Judged, Request};
use crate::event_rows::{self, Source};
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

/// The channel of texts.
pub const SMS: &str = "sms";

/// The gate's word on one channel.
#[derive(Default)]
pub struct Decision<'a> {
    /// The channel.
    pub channel: Option<&'a str>,
    /// The subscription that was looked at.
    pub subscription: Option<Uuid>,
    /// Where a text goes.
    pub number: Option<String>,
    /// Which of the other languages, from 1.
    pub variant: Option<i32>,
    /// From when on it may go.
    pub open_at: Option<TimestampWithTimeZone>,
    /// Why nothing goes.
    pub reason: Option<String>,
}

/// When an event is due, and until when it is worth telling.
#[derive(Clone, Copy)]
pub struct Times {
    /// Not before this time.
    pub due_at: TimestampWithTimeZone,
    /// Not after this time.
    pub expires_at: Option<TimestampWithTimeZone>,
}

impl Times {
    fn of(request: &Request, lookup: &Lookup) -> Self {
        let due_at = Self::due_at(request.scheduled_for);
        let by_type = lookup.rules.expires_after.map(|after| due_at + after);
        Self {
            due_at,
            expires_at: request.expires_at.or(by_type),
        }
    }

    /// When an event is due that is scheduled so.
    pub fn due_at(scheduled_for: Option<TimestampWithTimeZone>) -> TimestampWithTimeZone {
        let now = datetime::now();
        match scheduled_for {
            Some(later) if later > now => later,
            _ => now,
        }
    }
}

/// An event that is being written.
pub struct Emission<'a> {
    /// Its id.
    pub event: Uuid,
    /// The one user.
    pub target: Uuid,
    /// What was asked for.
    pub request: &'a Request,
    /// What the registry says of it.
    pub lookup: &'a Lookup,
    /// Its text and its problems.
    pub judged: &'a Judged,
    /// When it is due.
    pub times: Times,
    /// The event's status.
    pub status: &'a str,
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
        event: new_id(),
        target,
        request,
        lookup,
        judged,
        times: Times::of(request, lookup),
        status,
    };
    Ok(emission.write()?.then_some(emission.event))
}

impl Emission<'_> {
    /// Writes it; false if its key is used.
    fn write(&self) -> Result<bool> {
        let channels = match self.status {
            "quarantined" => &[],
            _ => self.request.channels(self.lookup),
        };
        // The event's row is written with the first of its deliveries, unless a key may be in its way.
        let mut has_event = self.request.dedup_key.is_some();
        if has_event && self.run(&EMIT_EVENT_ONCE, &Decision::default())?.is_none() {
            return Ok(false);
        }
        for channel in channels {
            let decision = self.decide(channel)?;
            self.write_channel(&decision, has_event)?;
            has_event = true;
        }
        if !has_event && event_rows::write(self, true, None).is_none() {
            self.run(&EMIT_EVENT, &Decision::default())?;
        }
        Ok(true)
    }

    /// Writes what follows from a decision.
    fn write_channel(&self, decision: &Decision<'_>, has_event: bool) -> Result<()> {
        let is_shown = decision.reason.is_none() && decision.channel == Some(IN_APP);
        if !is_shown && event_rows::write(self, !has_event, Some(decision)).is_some() {
            return Ok(());
        }
        let statement = match (&decision.reason, is_shown, has_event) {
            (Some(_), _, false) => &EMIT_SUPPRESSED,
            (Some(_), _, true) => &MORE_SUPPRESSED,
            (None, true, false) => &EMIT_IN_APP,
            (None, true, true) => &MORE_IN_APP,
            (None, false, false) => &EMIT_TEXT,
            (None, false, true) => &MORE_TEXT,
        };
        self.run(statement, decision).map(drop)
    }

    /// Asks the gate.
    fn decide<'a>(&self, channel: &'a str) -> Result<Decision<'a>> {
        let rules = &self.lookup.rules;
        if channel == SMS && !rules.admin_only && self.judged.variants.is_empty() {
            let decision = self.decide_text()?;
            if let Some(decision) = decision {
                return Ok(decision);
            }
        }
        let arguments = [
            self.target.into(),
            self.request.event_type.as_str().into(),
            jsonb(self.request.payload),
            channel.into(),
            rules.is_active.into(),
            rules.admin_only.into(),
            self.times.due_at.into(),
            self.times.expires_at.into(),
            rules.prefixes.clone().into(),
            rules.spread.into(),
            rules.minimum.into(),
            self.judged.priority.as_str().into(),
            self.judged.variants.locales(),
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
        let rules = &self.lookup.rules;
        let found = person::look(self.target, &self.request.event_type, self.request.payload);
        let Some(person) = found else {
            return Ok(None);
        };
        let wanted = Wanted {
            subscription: person.subscription,
            priority: self.judged.priority,
            due_at: self.times.due_at.into(),
            expires_at: self.times.expires_at.map(Into::into),
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

    /// What all of its rows have in common.
    pub fn source(&self) -> Source<'_> {
        Source {
            event: self.event,
            correlation_id: self.judged.correlation_id,
            priority: self.judged.priority,
            scheduled_for: self.request.scheduled_for,
            times: self.times,
            body: self.judged.body.as_ref(),
            template_id: self.lookup.rules.template_id,
            variants: &self.judged.variants,
        }
    }

    /// Runs one of the statements that write; `None` if it gives no row.
    fn run(&self, statement: &Query, decision: &Decision<'_>) -> Result<Option<()>> {
        let source = self.source();
        statement.keyed_row(&self.arguments(&source, decision), |_| Ok(()))
    }

    /// See `sql/queries/emit_target.sql`.
    fn arguments<'a>(
        &'a self,
        source: &'a Source<'_>,
        decision: &'a Decision<'_>,
    ) -> [DatumWithOid<'a>; 31] {
        let (request, judged) = (self.request, self.judged);
        let body = source.body(decision);
        let [title, action_url] = judged.heading.arguments();
        [
            self.event.into(),
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
            self.times.expires_at.into(),
            self.lookup.rules.template_id.into(),
            self.status.into(),
            judged.problems.clone().into(),
            body.map(|body| body.text.as_str()).into(),
            body.map(|body| body.encoding).into(),
            body.map(|body| body.segments).into(),
            notify::wakes().into(),
            self.times.due_at.into(),
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
