//! Phone verification as the daemon sees it: what waits for Twilio Verify, and what Verify said.

use herald_core::verification::{Step, Verdict};
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::emit::{self, Request};
use crate::lookup::lookup;
use crate::queries::{PREFERENCES_ROWS, VERIFY_CLAIM, VERIFY_CLAIMED, VERIFY_COMPLETE};
use crate::report::{Result, invalid, null_argument, unexpected};
use crate::verification::{QUEUE_RANK, announce, lock};

const LARGEST_CLAIM: i32 = 100;
const WELCOME: &str = "user.welcome";

/// A verification that is taken, or that came to an end because nobody can take it any more.
struct Taken {
    id: Uuid,
    claim: i32,
    step: String,
    number: String,
    channel: String,
    sid: Option<String>,
    code: Option<String>,
    goes: bool,
    user: Uuid,
    status: String,
    reason: Option<String>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn claim_phone_verifications(
    worker: Option<Uuid>,
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(verification_id, Uuid),
            name!(claim, i32),
            name!(step, String),
            name!(phone_number, String),
            name!(channel, String),
            name!(verification_sid, Option<String>),
            name!(code, Option<String>),
        ),
    >,
> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=LARGEST_CLAIM).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {LARGEST_CLAIM}."),
        ));
    }
    let taken = VERIFY_CLAIM.rows(&[worker.into(), limit.into(), QUEUE_RANK.into()], |row| {
        Ok(Taken {
            id: row.want(1, "verification")?,
            claim: row.want(2, "claim")?,
            step: row.want(3, "step")?,
            number: row.want(4, "number")?,
            channel: row.want(5, "channel")?,
            sid: row.get(6)?,
            code: row.get(7)?,
            goes: row.want(8, "answer")?,
            user: row.want(9, "user")?,
            status: row.want(10, "status")?,
            reason: row.get(11)?,
        })
    })?;
    let mut going = Vec::new();
    for one in taken {
        if one.goes {
            going.push((
                one.id,
                one.claim,
                one.step,
                one.number,
                one.channel,
                one.sid,
                one.code,
            ));
        } else {
            announce(one.id, one.user, &one.status, one.reason)?;
        }
    }
    Ok(TableIterator::new(going))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn complete_phone_verification(
    worker: Option<Uuid>,
    id: Option<Uuid>,
    claim: Option<i32>,
    verdict: Option<&str>,
    details: Option<JsonB>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(applied, bool),
            name!(status, Option<String>),
            name!(reason, Option<String>),
        ),
    >,
> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let id = id.ok_or_else(|| null_argument("p_verification_id"))?;
    let claim = claim.ok_or_else(|| null_argument("p_claim"))?;
    let verdict: Verdict = verdict
        .ok_or_else(|| null_argument("p_verdict"))?
        .parse()
        .map_err(|error| invalid(format!("p_verdict: {error}"), "Use one of these."))?;
    let lost = || Ok(TableIterator::once((false, None, None)));

    let claimed = VERIFY_CLAIMED.row(&[worker.into(), id.into(), claim.into()], |row| {
        Ok((
            row.want::<Uuid>(1, "user")?,
            row.want::<String>(2, "number")?,
            row.want::<String>(3, "step")?,
            row.want::<i32>(4, "tries")?,
        ))
    })?;
    let Some((user, number, step, tries)) = claimed else {
        return lost();
    };
    let step: Step = step.parse().map_err(|_| unexpected("step"))?;
    lock(user, &number)?;
    if verdict == Verdict::Approved {
        PREFERENCES_ROWS.run(&[user.into()])?;
    }
    let details = details.map(|details| details.0).unwrap_or_default();
    let text = |name: &str| details[name].as_str().map(|text| text.replace('\0', ""));
    let error_code = details["error_code"]
        .as_i64()
        .and_then(|code| i32::try_from(code).ok());
    let written = VERIFY_COMPLETE.row(
        &[
            worker.into(),
            id.into(),
            claim.into(),
            verdict.as_str().into(),
            verdict.again_in(step, tries).into(),
            text("sid").into(),
            error_code.into(),
            text("error_message").into(),
        ],
        |row| {
            Ok((
                row.want::<Uuid>(1, "user")?,
                row.want::<String>(2, "status")?,
                row.get::<String>(3)?,
                row.want::<bool>(4, "event type")?,
            ))
        },
    )?;
    let Some((user, status, reason, is_welcome)) = written else {
        return lost();
    };
    announce(id, user, &status, reason.clone())?;
    if is_welcome {
        welcome(user, id)?;
    }
    Ok(TableIterator::once((true, Some(status), reason)))
}

/// The first text to a number that was just proven, by the ordinary way. A template that somebody broke must not undo
/// the proof: then there is a warning instead.
fn welcome(user: Uuid, verification: Uuid) -> Result<()> {
    let found = lookup(WELCOME, Some(user), None, None, None)?;
    let (_, problems) = found.compose(WELCOME, None)?;
    if !problems.is_empty() {
        pgrx::warning!(
            "user {user} is not welcomed: {WELCOME} gives no text: {}",
            problems.join("; ")
        );
        return Ok(());
    }
    emit::record(&Request {
        target: Some(user),
        dedup_key: Some(format!("verification {verification}")),
        ..Request::of_type(WELCOME)
    })
    .map(drop)
}
