//! Subscriptions: who wants to hear of what, on which channels.

use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Value, json};

use crate::preferences::{Refusal, texts_refused};
use crate::queries::{EVENT_TYPE, SUBSCRIPTION_SET, UNSUBSCRIBE};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument, unexpected};

const CHANNELS: [&str; 4] = [
    "sms_enabled",
    "email_enabled",
    "push_enabled",
    "in_app_enabled",
];

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)] // One parameter per SQL parameter.
fn subscribe(
    user: Option<Uuid>,
    event_type: Option<&str>,
    filters: Option<JsonB>,
    sms: Option<bool>,
    email: Option<bool>,
    push: Option<bool>,
    in_app: Option<bool>,
    created_by: Option<Uuid>,
) -> Result<JsonB> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let event_type = event_type.ok_or_else(|| null_argument("p_event_type"))?;
    let change = json!({
        "is_active": true,
        "filters": filters.map_or_else(|| json!({}), |filters| filters.0),
        "sms_enabled": sms,
        "email_enabled": email,
        "push_enabled": push,
        "in_app_enabled": in_app,
    });
    check(event_type, &change)?;
    if sms == Some(true)
        && let Some(refusal) = texts_refused(user)?
    {
        return Ok(refusal.answer());
    }
    if let Some(refusal) = refused(event_type, user, &change)? {
        return Ok(refusal.answer());
    }
    let mut answer = write(user, event_type, change, created_by.unwrap_or(user))?;
    answer.0["success"] = Value::Bool(true);
    Ok(answer)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn unsubscribe(user: Option<Uuid>, event_type: Option<&str>) -> Result<bool> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let event_type = event_type.ok_or_else(|| null_argument("p_event_type"))?;
    let ended = UNSUBSCRIBE.row(&[user.into(), event_type.into()], |row| {
        row.want(1, "answer")
    })?;
    Ok(ended.unwrap_or(false))
}

/// 22023 unless the change to a subscription is made of the right names and values.
pub fn check(event_type: &str, change: &Value) -> Result<()> {
    let Value::Object(fields) = change else {
        return Err(invalid(
            format!("the preferences for event type {event_type:?} are no object"),
            "Use an object: {\"sms_enabled\": true}.",
        ));
    };
    for (name, value) in fields {
        let fits = match name.as_str() {
            "is_active" => value.is_boolean(),
            "filters" => value.is_object(),
            name if CHANNELS.contains(&name) => value.is_boolean() || value.is_null(),
            _ => false,
        };
        if !fits {
            return Err(invalid(
                format!("{name:?} for event type {event_type:?} cannot be {value}"),
                "Use is_active (true, false), filters (an object) and sms_enabled, email_enabled, push_enabled, \
                 in_app_enabled (true, false, or null for the user's default).",
            ));
        }
    }
    Ok(())
}

/// Whether a change asks for texts.
pub fn switches_texts_on(change: &Value) -> bool {
    change["sms_enabled"] == Value::Bool(true)
}

/// Why this user may not hear of this event type, if that is so; 22023 if there is no such type, or no subscription to
/// change.
pub fn refused(event_type: &str, user: Uuid, change: &Value) -> Result<Option<Refusal>> {
    let (is_known, in_audience, is_subscribed) = EVENT_TYPE
        .row(&[event_type.into(), user.into()], |row| {
            Ok((
                row.want::<bool>(1, "event type")?,
                row.want::<bool>(2, "event type")?,
                row.want::<bool>(3, "event type")?,
            ))
        })?
        .ok_or_else(|| unexpected("event type"))?;
    if !is_known {
        return Err(unknown_type(event_type));
    }
    if !is_subscribed && change["is_active"] != Value::Bool(true) {
        return Err(invalid(
            format!("user {user} is not subscribed to event type {event_type:?}"),
            "subscribe() does it, and so does \"is_active\": true.",
        ));
    }
    let leaves = change["is_active"] == Value::Bool(false);
    Ok((!in_audience && !leaves).then_some(Refusal::ADMIN))
}

/// 22023 for an event type that is not registered.
pub fn unknown_type(event_type: &str) -> ErrorReport {
    invalid(
        format!("there is no event type {event_type:?}"),
        "SELECT event_type FROM herald.notification_event_types shows them; add a row for a new one.",
    )
}

/// Makes or changes the subscription and gives it back as it stands then.
pub fn write(user: Uuid, event_type: &str, change: Value, by: Uuid) -> Result<JsonB> {
    let arguments = [
        user.into(),
        event_type.into(),
        jsonb(jsonb_of(change)),
        by.into(),
    ];
    SUBSCRIPTION_SET
        .row(&arguments, |row| row.want(1, "subscription"))?
        .ok_or_else(|| unexpected("subscription"))
}
