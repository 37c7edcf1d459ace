//! Phone verification as the application sees it: start, confirm, look. The daemon's side is in `verify_calls`.

use herald_core::phone::{self, PhoneProblem};
use herald_core::priority::Priority;
use herald_core::verification::is_code;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::id::new_id;
use crate::notify;
use crate::queries::{
    IMPORT_NUMBER, PREFERENCES_ROWS, REMOVE_NUMBER, VERIFY_ANNOUNCE, VERIFY_CONFIRM, VERIFY_LOCK,
    VERIFY_OPEN, VERIFY_SETTINGS, VERIFY_START, VERIFY_STATE, VERIFY_WAIT,
};
use crate::report::{Result, invalid, null_argument, report, unexpected, wrong_state};

/// Somebody waits for it.
pub const QUEUE_RANK: i16 = Priority::Urgent.queue_rank();

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn start_phone_verification(user: Option<Uuid>, number: Option<&str>) -> Result<Uuid> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let number = number.ok_or_else(|| null_argument("p_phone_number"))?;
    let number = read_number(number)?;
    lock(user, &number)?;
    let id = new_id();
    let reason: Option<String> = VERIFY_START
        .row(
            &[
                id.into(),
                user.into(),
                number.as_str().into(),
                QUEUE_RANK.into(),
                notify::wakes().into(),
            ],
            |row| row.get(1),
        )?
        .ok_or_else(|| unexpected("setting verify_starts_per_hour"))?;
    if reason.is_some() {
        announce(id, user, "failed", reason)?;
    }
    Ok(id)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn confirm_phone_verification(user: Option<Uuid>, code: Option<&str>) -> Result<String> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let code = code.ok_or_else(|| null_argument("p_code"))?;
    let code: String = code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    if !is_code(&code) {
        return Ok("malformed_code".to_owned());
    }
    let open = VERIFY_OPEN.row(&[user.into()], |row| {
        Ok((
            row.want::<Uuid>(1, "verification")?,
            row.want::<String>(2, "number")?,
        ))
    })?;
    let Some((id, number)) = open else {
        return Ok("no_verification".to_owned());
    };
    lock(user, &number)?;
    let arguments = [
        id.into(),
        code.into(),
        QUEUE_RANK.into(),
        notify::wakes().into(),
    ];
    VERIFY_CONFIRM
        .row(&arguments, |row| row.want(1, "answer"))?
        .ok_or_else(|| unexpected("setting verify_checks_per_hour"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_phone_verification(
    user: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(verification_id, Uuid),
            name!(phone_number, String),
            name!(status, String),
            name!(reason, Option<String>),
            name!(attempts, i32),
            name!(expires_at, Option<TimestampWithTimeZone>),
            name!(started_at, TimestampWithTimeZone),
            name!(updated_at, TimestampWithTimeZone),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let rows = VERIFY_STATE.rows(&[user.into()], |row| {
        Ok((
            row.want(1, "verification")?,
            row.want(2, "number")?,
            row.want(3, "status")?,
            row.get(4)?,
            row.want(5, "attempts")?,
            row.get(6)?,
            row.want(7, "time")?,
            row.want(8, "time")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_verify_wait_seconds() -> Result<i32> {
    VERIFY_WAIT
        .row(&[], |row| row.want(1, "setting verify_wait_seconds"))?
        .ok_or_else(|| unexpected("setting verify_wait_seconds"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn remove_phone_number(user: Option<Uuid>) -> Result<bool> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    REMOVE_NUMBER
        .row(&[user.into()], |row| row.want(1, "answer"))?
        .ok_or_else(|| unexpected("answer"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn import_verified_number(
    user: Option<Uuid>,
    number: Option<&str>,
    evidence: Option<&str>,
) -> Result<()> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let number = number.ok_or_else(|| null_argument("p_phone_number"))?;
    let evidence = evidence.ok_or_else(|| null_argument("p_evidence"))?;
    if evidence.trim().is_empty() {
        return Err(invalid(
            "p_evidence is empty",
            "Say when, how and in which words the person proved the number and agreed to texts.",
        ));
    }
    let number = read_number(number)?;
    lock(user, &number)?;
    PREFERENCES_ROWS.run(&[user.into()])?;
    let arguments = [user.into(), number.as_str().into(), evidence.into()];
    let reason: Option<String> = IMPORT_NUMBER
        .row(&arguments, |row| row.get(1))?
        .ok_or_else(|| unexpected("answer"))?;
    let shown = phone::mask(&number);
    match reason.as_deref() {
        None => Ok(()),
        Some("number_in_use") => Err(report(
            PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
            format!("{shown} is the verified number of another user"),
            "remove_phone_number() takes it from that user, if the person agrees.",
        )),
        Some(_) => Err(wrong_state(
            format!("{shown} or user {user} has opted out of texts"),
            "Only the person lifts that: start_phone_verification() proves the number anew.",
        )),
    }
}

/// The number in E.164 form, or 22023 with what is wrong with it.
fn read_number(typed: &str) -> Result<String> {
    let region: Option<String> = VERIFY_SETTINGS
        .row(&[], |row| row.get(1))?
        .ok_or_else(|| unexpected("setting default_region"))?;
    phone::parse(typed, region.as_deref()).map_err(|problem| {
        let hint = match problem {
            PhoneProblem::NoCountry => {
                "Write it with + and country code, such as +14155550100, or set the setting default_region. Nothing is guessed."
            }
            PhoneProblem::UnknownRegion => {
                "SELECT herald_set_setting('default_region', '\"US\"') sets a country, '\"\"' none."
            }
            PhoneProblem::Premium => "Use a number of the person's own.",
            _ => "Write it with + and country code, such as +14155550100.",
        };
        // What was typed may be anything: it is not repeated.
        invalid(format!("p_phone_number cannot be used: {problem}"), hint)
    })
}

/// Waits until no other transaction works on this user's verification or on this number.
pub fn lock(user: Uuid, number: &str) -> Result<()> {
    VERIFY_LOCK.run(&[user.into(), number.into()])
}

/// Tells who listens on `herald_phone_verification` at commit.
pub fn announce(id: Uuid, user: Uuid, status: &str, reason: Option<String>) -> Result<()> {
    VERIFY_ANNOUNCE.run(&[id.into(), user.into(), status.into(), reason.into()])
}
