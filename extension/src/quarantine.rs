//! Events whose input was bad: kept, and tried again on request.

use herald_core::priority::Priority;
use pgrx::datum::{AnyElement, Uuid};
use pgrx::prelude::*;

use crate::emit::lookup;
use crate::notify;
use crate::queries::{QUARANTINED_EVENT, RELEASE_EVENT};
use crate::query::jsonb_of;
use crate::report::{Result, not_found, null_argument};

struct Quarantined {
    event_type: String,
    payload: Option<AnyElement>,
    metadata: Option<AnyElement>,
    priority: String,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn release_notification_event(event_id: Option<Uuid>) -> Result<bool> {
    let event_id = event_id.ok_or_else(|| null_argument("p_event_id"))?;
    let event = QUARANTINED_EVENT
        .row(&[event_id.into()], |row| {
            Ok(Quarantined {
                event_type: row.want(1, "event type")?,
                payload: row.get::<pgrx::JsonB>(3)?.and_then(|payload| jsonb_of(payload.0)),
                metadata: row.get::<pgrx::JsonB>(4)?.and_then(|metadata| jsonb_of(metadata.0)),
                priority: row.want(5, "priority")?,
            })
        })?
        .ok_or_else(|| {
            not_found(
                format!("there is no event {event_id} in quarantine"),
                "SELECT id, problems FROM herald.notification_events WHERE status = 'quarantined' lists them.",
            )
        })?;
    let found = lookup(&event.event_type, None, None, event.payload, event.metadata)?;
    let (_, mut problems) = found.compose(&event.event_type, event.payload)?;
    problems.extend(found.correlation().err());
    let released = problems.is_empty();
    let priority = event.priority.parse().unwrap_or(Priority::Normal);
    RELEASE_EVENT.run(&[
        event_id.into(),
        problems.into(),
        found.template_id.into(),
        priority.queue_rank().into(),
        notify::wakes().into(),
    ])?;
    Ok(released)
}
