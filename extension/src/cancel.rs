//! Cancelling, with a certain answer.

use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::queries::{CANCEL_EVENT, CANCEL_MESSAGE, STOP_EVENT};
use crate::query::Query;
use crate::report::{Result, not_found, null_argument, unexpected};

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn cancel_sms_message(
    message_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(cancelled, i32), name!(too_late, i32))>> {
    let id = message_id.ok_or_else(|| null_argument("p_message_id"))?;
    counts(&CANCEL_MESSAGE, id)?
        .ok_or_else(|| unknown("message", id, "herald.sms_messages"))
        .map(TableIterator::once)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn cancel_notification_event(
    event_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(cancelled, i32), name!(too_late, i32))>> {
    let id = event_id.ok_or_else(|| null_argument("p_event_id"))?;
    let stopped: Option<Uuid> = STOP_EVENT.row(&[id.into()], |row| row.want(1, "event id"))?;
    if stopped.is_none() {
        return Err(unknown("event", id, "herald.notification_events"));
    }
    // A statement of its own: it sees what a chunk wrote while the one before waited for it.
    counts(&CANCEL_EVENT, id)?
        .ok_or_else(|| unexpected("count"))
        .map(TableIterator::once)
}

fn counts(statement: &Query, id: Uuid) -> Result<Option<(i32, i32)>> {
    statement.row(&[id.into()], |row| {
        Ok((row.want(1, "count")?, row.want(2, "count")?))
    })
}

fn unknown(what: &str, id: Uuid, table: &str) -> ErrorReport {
    not_found(
        format!("there is no {what} {id}"),
        format!("Ids are in {table}."),
    )
}
