//! `get_user_sms_channel_info`.

use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::CHANNEL_INFO;
use crate::report::{Result, null_argument};

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_user_sms_channel_info(
    user: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(has_sms_available, bool),
            name!(phone_number, Option<String>),
            name!(phone_verified, bool),
            name!(phone_verified_at, Option<TimestampWithTimeZone>),
            name!(opted_out, bool),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let rows = CHANNEL_INFO.rows(&[user.into()], |row| {
        Ok((
            row.want(1, "channel")?,
            row.get(2)?,
            row.want(3, "channel")?,
            row.get(4)?,
            row.want(5, "channel")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}
