//! Events whose input was bad: kept, and tried again on request.

use herald_core::priority::Priority;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

use crate::lookup::lookup;
use crate::notify;
use crate::queries::{QUARANTINED_EVENT, RELEASE_EVENT};
use crate::query::jsonb_text;
use crate::report::{Result, not_found, null_argument};

struct Quarantined {
    event_type: String,
    payload: String,
    metadata: String,
    priority: String,
    /// Problems that nobody can mend afterwards: what a trigger did not find in its row is not known any more.
    lasting: Vec<String>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn release_notification_event(event_id: Option<Uuid>) -> Result<bool> {
    let event_id = event_id.ok_or_else(|| null_argument("p_event_id"))?;
    let event = QUARANTINED_EVENT
        .row(&[event_id.into()], |row| {
            Ok(Quarantined {
                event_type: row.want(1, "event type")?,
                payload: row.want(2, "payload")?,
                metadata: row.want(3, "metadata")?,
                priority: row.want(4, "priority")?,
                lasting: row.want(5, "problems")?,
            })
        })?
        .ok_or_else(|| {
            not_found(
                format!("there is no event {event_id} in quarantine"),
                "SELECT id, problems FROM herald.notification_events WHERE status = 'quarantined' lists them.",
            )
        })?;
    let (payload, metadata) = (jsonb_text(&event.payload), jsonb_text(&event.metadata));
    let found = lookup(&event.event_type, None, None, payload, metadata)?;
    let (_, mut problems) = found.compose(&event.event_type, payload)?;
    problems.extend(found.correlation().err());
    problems.extend(event.lasting);
    let released = problems.is_empty();
    let priority = event.priority.parse().unwrap_or(Priority::Normal);
    RELEASE_EVENT.run(&[
        event_id.into(),
        problems.into(),
        found.rules.template_id.into(),
        priority.queue_rank().into(),
        notify::wakes().into(),
    ])?;
    Ok(released)
}
