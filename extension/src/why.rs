//! `why`: the story of an event, from the records.

use herald_core::{phone, reason};
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::WHY;
use crate::query::ByKeys;
use crate::report::{Result, not_found, null_argument};

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn why(
    event: Option<Uuid>,
    user: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(at, TimestampWithTimeZone),
            name!(user_id, Option<Uuid>),
            name!(channel, Option<String>),
            name!(step, String),
            name!(detail, String),
        ),
    >,
> {
    let event = event.ok_or_else(|| null_argument("p_event_id"))?;
    let _by_keys = ByKeys::begin();
    let rows = WHY.rows(&[event.into(), user.into()], |row| {
        let (number, reason) = (row.get::<String>(6)?, row.get::<String>(7)?);
        Ok((
            row.want(1, "time")?,
            row.get(2)?,
            row.get(3)?,
            row.want(4, "step")?,
            told(row.get(5)?, number.as_deref(), reason.as_deref()),
        ))
    })?;
    if rows.is_empty() {
        return Err(not_found(
            format!("there is no event {event}"),
            "Ids are in herald.notification_events; emit_notification_event() returns them.",
        ));
    }
    Ok(TableIterator::new(rows))
}

/// The detail with the masked number and the reason in words.
fn told(detail: Option<String>, number: Option<&str>, reason: Option<&str>) -> String {
    let number = number.map(|number| format!("to {}", phone::mask(number)));
    let reason = reason.map(|word| match reason::sentence(word) {
        Some(sentence) => format!("{word}: {sentence}"),
        None => word.to_owned(),
    });
    let parts: Vec<String> = [detail, number, reason].into_iter().flatten().collect();
    parts.join(", ")
}
