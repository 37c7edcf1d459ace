//! `queue_sms_message`: one text outside of any event.

use herald_core::{phone, priority::Priority};
use pgrx::datum::{AnyElement, TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::id::new_id;
use crate::notify;
use crate::queries::{IS_ADMIN, QUEUE_MESSAGE, RECIPIENT_CHECK};
use crate::query::{jsonb, jsonb_of};
use crate::report::{Result, invalid, null_argument, report, unexpected, wrong_state};
use crate::text;

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn queue_sms_message(
    user: Option<Uuid>,
    number: Option<&str>,
    message: Option<&str>,
    priority: Option<&str>,
    scheduled_for: Option<TimestampWithTimeZone>,
    metadata: Option<AnyElement>,
) -> Result<Uuid> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let number = number.ok_or_else(|| null_argument("p_phone_number"))?;
    let message = message.ok_or_else(|| null_argument("p_message"))?;
    if !phone::is_e164(number) {
        return Err(invalid(
            format!(
                "p_phone_number {} is not an E.164 number",
                phone::mask(number)
            ),
            "Write it with + and country code, such as +14155550100. Nothing is guessed.",
        ));
    }
    let body = text::checked(message.to_owned()).map_err(|problem| {
        invalid(
            format!("p_message cannot be sent: {problem}"),
            "Pass 1 to 1600 characters.",
        )
    })?;
    let priority: Priority = match priority {
        None => Priority::Normal,
        Some(word) => word
            .parse()
            .map_err(|error| invalid(format!("p_priority: {error}"), "Use one of these."))?,
    };
    let is_verified = check_recipient(user, number)?;
    let id = new_id();
    QUEUE_MESSAGE.run(&[
        id.into(),
        user.into(),
        number.into(),
        body.text.as_str().into(),
        priority.as_str().into(),
        priority.queue_rank().into(),
        scheduled_for.into(),
        jsonb(metadata.or_else(|| jsonb_of(serde_json::json!({})))),
        body.encoding.into(),
        body.segments.into(),
        (!is_verified).into(),
        notify::wakes().into(),
    ])?;
    Ok(id)
}

/// Whether the number is the user's verified one; if not, only an administrator may go on.
fn check_recipient(user: Uuid, number: &str) -> Result<bool> {
    let (is_verified, is_opted_out) = RECIPIENT_CHECK
        .row(&[user.into(), number.into()], |row| {
            Ok((
                row.want::<bool>(1, "recipient")?,
                row.want::<bool>(2, "recipient")?,
            ))
        })?
        .ok_or_else(|| unexpected("recipient"))?;
    if !is_verified && !caller_is_admin()? {
        return Err(report(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!(
                "{} is not the verified number of user {user}",
                phone::mask(number)
            ),
            "Verify the number first. Only a role with SELECT herald_grant('admin', role) may text any number.",
        ));
    }
    if is_opted_out {
        return Err(wrong_state(
            format!("{} has opted out of texts", phone::mask(number)),
            "The person must opt in again before this number can be texted.",
        ));
    }
    Ok(is_verified)
}

/// Whether the role that called us, before SECURITY DEFINER changed it, has the admin role's mark.
fn caller_is_admin() -> Result<bool> {
    // SAFETY: reads a variable of the server.
    let caller = unsafe { pg_sys::GetOuterUserId() };
    let is_admin = IS_ADMIN.row(&[caller.into()], |row| row.want(1, "function herald_admin"))?;
    is_admin.ok_or_else(|| unexpected("function herald_admin"))
}
