//! Finding people, and texting some of them to see how it looks.

use herald_core::priority::Priority;
use pgrx::datum::{AnyElement, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::id::new_id;
use crate::lookup::lookup;
use crate::notify;
use crate::queries::{SEARCH_RECIPIENTS, SEND_TEST};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument};

/// Most rows of a search.
const LARGEST_SEARCH: i32 = 100;
/// Most recipients of a test: it is for looking at, not for telling people something.
const LARGEST_TEST: usize = 20;

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn search_notification_recipients(
    text: Option<&str>,
    event_type: Option<&str>,
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(email, Option<String>),
            name!(name, Option<String>),
            name!(is_admin, bool),
            name!(has_phone, bool),
            name!(is_subscribed_to_event, bool),
        ),
    >,
> {
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=LARGEST_SEARCH).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {LARGEST_SEARCH}."),
        ));
    }
    let text = text.unwrap_or_default().trim();
    let rows = SEARCH_RECIPIENTS.rows(&[text.into(), event_type.into(), limit.into()], |row| {
        Ok((
            row.want(1, "user_id of herald.recipients")?,
            row.get(2)?,
            row.get(3)?,
            row.want(4, "recipient")?,
            row.want(5, "recipient")?,
            row.want(6, "recipient")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn send_test_notification(
    event_type: Option<&str>,
    recipients: Option<Vec<Option<Uuid>>>,
    payload: Option<AnyElement>,
    sent_by: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(event_id, Uuid),
            name!(recipient_user_id, Uuid),
            name!(message_id, Option<Uuid>),
            name!(reason, Option<String>),
        ),
    >,
> {
    let event_type = event_type.ok_or_else(|| null_argument("p_event_type"))?;
    let recipients = recipients
        .and_then(|list| list.into_iter().collect::<Option<Vec<Uuid>>>())
        .ok_or_else(|| null_argument("p_recipient_user_ids"))?;
    if recipients.is_empty() || recipients.len() > LARGEST_TEST {
        return Err(invalid(
            format!("p_recipient_user_ids names {} users", recipients.len()),
            format!("Name 1 to {LARGEST_TEST} users. A test is never a broadcast."),
        ));
    }
    let payload = payload.or_else(|| jsonb_of(serde_json::json!({})));
    let found = lookup(event_type, None, None, payload, None)?;
    let (body, problems) = found.compose(event_type, payload)?;
    let Some(body) = body.filter(|_| problems.is_empty()) else {
        return Err(invalid(
            format!("the test has no text: {}", problems.join("; ")),
            "Pass a payload with what the template needs.",
        ));
    };
    let event = new_id();
    let priority = Priority::Normal;
    let rows = SEND_TEST.rows(
        &[
            event.into(),
            event_type.into(),
            jsonb(payload),
            sent_by.into(),
            recipients.into(),
            body.text.as_str().into(),
            body.encoding.into(),
            body.segments.into(),
            found.rules.template_id.into(),
            priority.as_str().into(),
            priority.queue_rank().into(),
            notify::wakes().into(),
        ],
        |row| Ok((event, row.want(1, "recipient")?, row.get(2)?, row.get(3)?)),
    )?;
    Ok(TableIterator::new(rows))
}
