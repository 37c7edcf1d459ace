//! `may_text`.

use herald_core::priority::Priority;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::MAY_TEXT;
use crate::report::{Result, invalid, null_argument};

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn may_text(
    user: Option<Uuid>,
    at: Option<TimestampWithTimeZone>,
    priority: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(decision, String),
            name!(reason, Option<String>),
            name!(until, Option<TimestampWithTimeZone>),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let priority: Priority = match priority {
        None => Priority::Normal,
        Some(word) => word
            .parse()
            .map_err(|error| invalid(format!("p_priority: {error}"), "Use one of these."))?,
    };
    let rows = MAY_TEXT.rows(&[user.into(), at.into(), priority.as_str().into()], |row| {
        Ok((row.want(1, "decision")?, row.get(2)?, row.get(3)?))
    })?;
    Ok(TableIterator::new(rows))
}
