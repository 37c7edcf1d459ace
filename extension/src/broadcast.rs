//! An event for every subscriber. One with few of them is decided by a statement and written without one; those with notifications
//! inside the application, with a dedup key, or into tables that users made something else of, are written by a statement as
//! well. One with many is left to the daemon (`fan_out`).

use pgrx::datum::Uuid;

use crate::decided::Decided;
use crate::emit::{IN_APP, Judged, Request, arguments};
use crate::event::Event;
use crate::event_rows::{self, EventRow};
use crate::lookup::Lookup;
use crate::queries::{
    COUNT_RECIPIENTS, EMIT_BROADCAST, EMIT_BROADCAST_DECIDE, EMIT_BROADCAST_IN_APP,
    EMIT_BROADCAST_ONCE, EMIT_BROADCAST_ONCE_IN_APP,
};
use crate::query::Query;
use crate::report::{Result, unexpected};

/// Whether a broadcast has so few recipients that the caller's transaction serves them.
pub fn is_small(event_type: &str) -> Result<bool> {
    let small = COUNT_RECIPIENTS.row(&[event_type.into()], |row| {
        row.want(1, "setting inline_fan_out_limit")
    })?;
    small.ok_or_else(|| unexpected("count of recipients"))
}

/// Writes the event and what follows from it. `None`: a concurrent transaction has the same dedup key.
pub fn write(
    request: &Request,
    lookup: &Lookup,
    judged: &Judged,
    status: &str,
) -> Result<Option<Uuid>> {
    let in_app = request.channels(lookup).iter().any(|name| name == IN_APP);
    if status == "fanned_out" && !in_app && request.dedup_key.is_none() {
        let written = write_directly(request, lookup, judged, status)?;
        if written.is_some() {
            return Ok(written);
        }
    }
    let statement: &Query = match (request.dedup_key.is_some(), in_app) {
        (false, false) => &EMIT_BROADCAST,
        (true, false) => &EMIT_BROADCAST_ONCE,
        (false, true) => &EMIT_BROADCAST_IN_APP,
        (true, true) => &EMIT_BROADCAST_ONCE_IN_APP,
    };
    statement.row(&arguments(request, lookup, judged, status), |row| {
        row.want(1, "event id")
    })
}

/// Decides by a statement and writes the rows without one. `None`: nothing was written, the statement has to write them, too.
fn write_directly(
    request: &Request,
    lookup: &Lookup,
    judged: &Judged,
    status: &str,
) -> Result<Option<Uuid>> {
    let arguments = arguments(request, lookup, judged, status);
    let channels = request.channels(lookup);
    let decided = EMIT_BROADCAST_DECIDE.rows(&arguments, |row| Decided::read(row, channels))?;
    let event = Event::new(request, lookup, judged, status);
    let written = event_rows::write(&EventRow::New(&event), &event.source(), &decided);
    Ok(written.map(|()| event.id))
}
