//! An event that is being written.

use herald_core::priority::Priority;
use pgrx::datetime;
use pgrx::datum::{TimestampWithTimeZone, Uuid};

use crate::decided::Decision;
use crate::emit::{Judged, Request};
use crate::id::new_id;
use crate::lookup::Lookup;
use crate::text::Body;
use crate::variants::Variants;

/// An event that is being written.
pub struct Event<'a> {
    /// Its id.
    pub id: Uuid,
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

impl<'a> Event<'a> {
    /// A new one.
    pub fn new(
        request: &'a Request,
        lookup: &'a Lookup,
        judged: &'a Judged,
        status: &'a str,
    ) -> Self {
        Self {
            id: new_id(),
            request,
            lookup,
            judged,
            times: Times::of(request, lookup),
            status,
        }
    }

    /// What all of its rows have in common.
    pub fn source(&self) -> Source<'_> {
        Source {
            event: self.id,
            correlation_id: self.judged.correlation_id,
            priority: self.judged.priority,
            scheduled_for: self.request.scheduled_for,
            times: self.times,
            body: self.judged.body.as_ref(),
            template_id: self.lookup.rules.template_id,
            variants: &self.judged.variants,
        }
    }
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
