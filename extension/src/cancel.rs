//! Cancelling, with a certain answer.

use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{CANCEL_EVENT, CANCEL_MESSAGE};
use crate::query::Query;
use crate::report::{Result, not_found, null_argument, unexpected};

/// See `sql/api.sql`.
#[pg_extern(sql = false)]
fn cancel_sms_message(
    message_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(cancelled, i32), name!(too_late, i32))>> {
    let id = message_id.ok_or_else(|| null_argument("p_message_id"))?;
    cancel(&CANCEL_MESSAGE, id, "message", "herald.sms_messages").map(TableIterator::once)
}

/// See `sql/api.sql`.
#[pg_extern(sql = false)]
fn cancel_notification_event(
    event_id: Option<Uuid>,
) -> Result<TableIterator<'static, (name!(cancelled, i32), name!(too_late, i32))>> {
    let id = event_id.ok_or_else(|| null_argument("p_event_id"))?;
    cancel(&CANCEL_EVENT, id, "event", "herald.notification_events").map(TableIterator::once)
}

fn cancel(statement: &Query, id: Uuid, what: &str, table: &str) -> Result<(i32, i32)> {
    let (cancelled, too_late, is_known) = statement
        .row(&[id.into()], |row| {
            Ok((
                row.want(1, "count")?,
                row.want(2, "count")?,
                row.want::<bool>(3, "count")?,
            ))
        })?
        .ok_or_else(|| unexpected("count"))?;
    if !is_known {
        return Err(not_found(
            format!("there is no {what} {id}"),
            format!("Ids are in {table}."),
        ));
    }
    Ok((cancelled, too_late))
}
