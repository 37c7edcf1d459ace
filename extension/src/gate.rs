//! The gate for the statements, and `may_text`.

use herald_core::gate::{Facts, Subscription, refusal};
use herald_core::priority::Priority;
use pgrx::datum::{Array, TimestampWithTimeZone, Uuid};
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

/// See `sql/api/`. Timestamps come as what they are, microseconds since 2000.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)] // One parameter per SQL parameter.
fn herald_gate(
    is_cancelled: Option<bool>,
    is_type_active: Option<bool>,
    is_subscribed: Option<bool>,
    is_subscription_active: Option<bool>,
    is_filter_met: Option<bool>,
    is_in_audience: Option<bool>,
    channel: Option<&str>,
    is_channel_enabled: Option<bool>,
    phone_number: Option<&str>,
    is_verified: Option<bool>,
    is_invalid: Option<bool>,
    is_opted_out: Option<bool>,
    prefixes: Option<Array<'_, &str>>,
    due_at: Option<i64>,
    expires_at: Option<i64>,
    open_at: Option<i64>,
) -> Result<Option<String>> {
    let facts = Facts {
        is_cancelled: is_cancelled.unwrap_or(true),
        is_type_active: is_type_active.unwrap_or(false),
        subscription: Subscription::of(
            is_subscribed.unwrap_or(false),
            is_subscription_active.unwrap_or(false),
            is_filter_met.unwrap_or(false),
        ),
        is_in_audience: is_in_audience.unwrap_or(false),
        channel: channel.ok_or_else(|| null_argument("channel"))?,
        is_channel_enabled: is_channel_enabled.unwrap_or(false),
        phone_number,
        is_verified: is_verified.unwrap_or(false),
        is_invalid: is_invalid.unwrap_or(false),
        is_opted_out: is_opted_out.unwrap_or(true),
        due_at: due_at.ok_or_else(|| null_argument("due_at"))?,
        expires_at,
        open_at,
    };
    let is_allowed = |number: &str| {
        prefixes.is_some_and(|prefixes| {
            prefixes
                .iter()
                .flatten()
                .any(|prefix| number.starts_with(prefix))
        })
    };
    Ok(refusal(&facts, is_allowed).map(|refusal| refusal.to_string()))
}
