//! Notifications inside the application: a user's list, and what the user does with it.

use herald_core::in_app;
use pgrx::datum::{AnyElement, DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{IN_APP_DISMISS, IN_APP_LIST, IN_APP_READ, IN_APP_UNREAD};
use crate::query::Query;
use crate::report::{Result, invalid, not_found, null_argument, unexpected};
use crate::text;

/// What a notification inside the application takes from the payload beside its text.
#[derive(Default)]
pub struct Heading {
    title: Option<String>,
    action_url: Option<String>,
}

impl Heading {
    /// The payload's `title` and `action_url`, as far as they can be shown and followed.
    pub fn of(payload: Option<AnyElement>) -> Result<Self> {
        let mut values = text::values(payload, &["title", "action_url"]).into_iter();
        let (title, action_url) = (values.next().flatten(), values.next().flatten());
        Ok(Self {
            title: title.as_deref().and_then(in_app::title),
            action_url: action_url
                .as_deref()
                .and_then(in_app::action_url)
                .map(str::to_owned),
        })
    }

    /// Both, for the statements.
    pub fn arguments<'a>(&self) -> [DatumWithOid<'a>; 2] {
        [self.title.clone().into(), self.action_url.clone().into()]
    }
}

/// Longest page of a list.
const MOST: i32 = 1000;

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_user_notifications(
    user: Option<Uuid>,
    limit: Option<i32>,
    before: Option<Uuid>,
    unread_only: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(event_id, Option<Uuid>),
            name!(event_type, String),
            name!(title, String),
            name!(body, String),
            name!(action_url, Option<String>),
            name!(priority, String),
            name!(created_at, TimestampWithTimeZone),
            name!(expires_at, Option<TimestampWithTimeZone>),
            name!(read_at, Option<TimestampWithTimeZone>),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=MOST).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {MOST}."),
        ));
    }
    let unread_only = unread_only.unwrap_or(false);
    let arguments = [user.into(), limit.into(), before.into(), unread_only.into()];
    let rows = IN_APP_LIST.rows(&arguments, |row| {
        Ok((
            row.want(1, "notification")?,
            row.get(2)?,
            row.want(3, "notification")?,
            row.want(4, "notification")?,
            row.want(5, "notification")?,
            row.get(6)?,
            row.want(7, "notification")?,
            row.want(8, "notification")?,
            row.get(9)?,
            row.get(10)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn count_unread_notifications(user: Option<Uuid>) -> Result<i64> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let count = IN_APP_UNREAD.row(&[user.into()], |row| row.want(1, "count"))?;
    count.ok_or_else(|| unexpected("count"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn mark_notification_read(user: Option<Uuid>, notification: Option<Uuid>) -> Result<bool> {
    change_one(&IN_APP_READ, user, notification)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn mark_all_notifications_read(user: Option<Uuid>) -> Result<i32> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let all: Option<Uuid> = None;
    let changed = IN_APP_READ.row(&[user.into(), all.into()], |row| row.want(1, "count"))?;
    changed.ok_or_else(|| unexpected("count"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn dismiss_notification(user: Option<Uuid>, notification: Option<Uuid>) -> Result<bool> {
    change_one(&IN_APP_DISMISS, user, notification)
}

/// Whether the statement changed the notification; an error if it is not in the user's list.
fn change_one(statement: &Query, user: Option<Uuid>, notification: Option<Uuid>) -> Result<bool> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let notification = notification.ok_or_else(|| null_argument("p_notification_id"))?;
    let (changed, is_theirs) = statement
        .row(&[user.into(), notification.into()], |row| {
            Ok((row.want::<i32>(1, "count")?, row.want::<bool>(2, "owner")?))
        })?
        .ok_or_else(|| unexpected("count"))?;
    if !is_theirs {
        return Err(not_found(
            format!("user {user} has no notification {notification}"),
            "get_user_notifications() lists what they have.",
        ));
    }
    Ok(changed > 0)
}
