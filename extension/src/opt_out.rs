//! Opting out, the way back, and the evidence of both.

use herald_core::{evidence, phone};
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{
    CANCEL_NUMBER, CANCEL_USER, CONSENT, CONSENT_EVIDENCE, NUMBER_OF_USER, OPT_OUT_GUARD,
    OPT_OUT_NUMBER, OPT_OUT_STATUS, OPT_OUT_USER,
};
use crate::report::{Result, invalid, null_argument, unexpected};

/// What an opt-out stopped, and what it could not stop any more.
pub struct Stopped {
    /// Texts that will not be sent.
    pub cancelled: i32,
    /// Texts that a daemon had claimed before.
    pub in_flight: i32,
}

/// Opts a number out; `blocked` names our sender if Twilio blocks it, too. Call `OPT_OUT_GUARD` first.
pub fn number(number: &str, reason: &str, blocked: Option<&str>) -> Result<Stopped> {
    let stopped = CANCEL_NUMBER
        .row(&[number.into()], |row| {
            Ok(Stopped {
                cancelled: row.want(1, "count")?,
                in_flight: row.want(2, "count")?,
            })
        })?
        .ok_or_else(|| unexpected("count"))?;
    OPT_OUT_NUMBER.run(&[
        number.into(),
        reason.into(),
        blocked.is_some().into(),
        blocked.into(),
    ])?;
    Ok(stopped)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn opt_out_user(
    user: Option<Uuid>,
    reason: Option<&str>,
) -> Result<TableIterator<'static, (name!(cancelled, i32), name!(in_flight, i32))>> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let reason = reason.ok_or_else(|| null_argument("p_reason"))?;
    if reason.trim().is_empty() {
        return Err(invalid(
            "p_reason is empty",
            "Say why, such as requested; it is kept as evidence.",
        ));
    }
    OPT_OUT_GUARD.run(&[])?;
    let phone: Option<String> = NUMBER_OF_USER
        .row(&[user.into()], |row| row.get(1))?
        .flatten();
    let stopped = match &phone {
        Some(phone) => self::number(phone, reason, None)?,
        None => {
            let cancelled = CANCEL_USER
                .row(
                    &[
                        user.into(),
                        "opted_out".into(),
                        None::<TimestampWithTimeZone>.into(),
                    ],
                    |row| row.want(1, "count"),
                )?
                .ok_or_else(|| unexpected("count"))?;
            OPT_OUT_USER.run(&[user.into(), reason.into()])?;
            Stopped {
                cancelled,
                in_flight: 0,
            }
        }
    };
    CONSENT.run(&[
        user.into(),
        phone.as_deref().into(),
        "opt_out".into(),
        "api".into(),
        reason.into(),
        None::<&str>.into(),
    ])?;
    Ok(TableIterator::once((stopped.cancelled, stopped.in_flight)))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_sms_opt_out_status(
    user: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(opted_out, bool),
            name!(opted_out_at, Option<TimestampWithTimeZone>),
            name!(opt_out_reason, Option<String>),
            name!(provider_blocked, bool),
            name!(blocked_sender, Option<String>),
            name!(next_step, String),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let rows = OPT_OUT_STATUS.rows(&[user.into()], |row| {
        Ok((
            row.want(1, "opt-out")?,
            row.get(2)?,
            row.get(3)?,
            row.want(4, "opt-out")?,
            row.get(5)?,
            row.want(6, "opt-out")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn export_consent_evidence(
    user: Option<Uuid>,
    number: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(place, i64),
            name!(occurred_at, TimestampWithTimeZone),
            name!(user_id, Option<Uuid>),
            name!(phone_number, Option<String>),
            name!(number_hash, Option<String>),
            name!(kind, String),
            name!(source, String),
            name!(wording, Option<String>),
            name!(message_sid, Option<String>),
            name!(erased_at, Option<TimestampWithTimeZone>),
            name!(digest, String),
        ),
    >,
> {
    if let Some(number) = number.filter(|number| !phone::is_e164(number)) {
        return Err(invalid(
            format!(
                "p_phone_number {} is not an E.164 number",
                phone::mask(number)
            ),
            "Write it with + and country code, such as +14155550100.",
        ));
    }
    let (mut place, mut digest) = (0, String::new());
    let rows = CONSENT_EVIDENCE.rows(&[user.into(), number.into()], |row| {
        let user_id: Option<Uuid> = row.get(2)?;
        let number_hash: Option<String> = row.get(4)?;
        let (kind, source): (String, String) = (row.want(5, "kind")?, row.want(6, "source")?);
        let message_sid: Option<String> = row.get(8)?;
        let moment: String = row.want(10, "time")?;
        let user_text = user_id.map(|id| id.to_string());
        // Neither number nor words: the digest is the same after an erasure.
        digest = evidence::link(
            &digest,
            &[
                Some(&moment),
                user_text.as_deref(),
                number_hash.as_deref(),
                Some(&kind),
                Some(&source),
                message_sid.as_deref(),
            ],
        );
        place += 1;
        Ok((
            place,
            row.want(1, "time")?,
            user_id,
            row.get(3)?,
            number_hash,
            kind,
            source,
            row.get(7)?,
            message_sid,
            row.get(9)?,
            digest.clone(),
        ))
    })?;
    Ok(TableIterator::new(rows))
}
