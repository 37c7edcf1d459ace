//! Doubts and silence: attempts whose outcome nobody knows are looked for in Twilio's list, acceptances of which nothing
//! final was heard are asked about, and an operator may decide either by hand.

use std::borrow::Cow;

use herald_core::resolve::Verdict;
use herald_core::status::MessageStatus;
use pgrx::JsonB;
use pgrx::datum::{AnyElement, TimestampWithTimeZone, Uuid};
use pgrx::iter::{SetOfIterator, TableIterator};
use pgrx::prelude::*;
use serde_json::{Value, json};

use crate::callbacks;
use crate::dispatch::{Element, require_array};
use crate::errors::follow_up;
use crate::id::new_id;
use crate::queries::{
    CLAIM_STALE, CLAIM_UNKNOWN, FINISH_STALE, FOUND_UNKNOWN, MESSAGE_STATUS, OWNED_SIDS,
    REQUEUE_MESSAGES, SETTLE_UNKNOWN, SWEEP_STALE, TAKE_UNKNOWN,
};
use crate::query::{ByKeys, jsonb, jsonb_of};
use crate::report::{Result, invalid, not_found, null_argument, unexpected, wrong_state};
use crate::vocabulary::priority_ranks;

const LARGEST_CLAIM: i32 = 1000;
/// Acceptances that one pass over the ledger looks at.
const SWEEP: i32 = 5000;

fn checked_limit(limit: Option<i32>) -> Result<i32> {
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if (1..=LARGEST_CLAIM).contains(&limit) {
        return Ok(limit);
    }
    Err(invalid(
        format!("p_limit is {limit}"),
        format!("Use a number from 1 to {LARGEST_CLAIM}."),
    ))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn claim_unknown_sms_messages(
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(claim_id, Uuid),
            name!(message_id, Uuid),
            name!(attempt, i32),
            name!(to_number, String),
            name!(body, String),
            name!(accepted_from, TimestampWithTimeZone),
            name!(accepted_until, TimestampWithTimeZone),
            name!(refused_before, i32),
            name!(settle, bool),
        ),
    >,
> {
    let limit = checked_limit(limit)?;
    let claim = new_id();
    let _by_keys = ByKeys::begin();
    let rows = CLAIM_UNKNOWN.rows(&[limit.into(), claim.into()], |row| {
        Ok((
            claim,
            row.want(1, "message")?,
            row.want(2, "attempt")?,
            row.want(3, "number")?,
            row.want(4, "text")?,
            row.want(5, "time")?,
            row.want(6, "time")?,
            row.want(7, "count")?,
            row.want(8, "choice")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_owned_sids(sids: Option<Vec<Option<String>>>) -> Result<SetOfIterator<'static, String>> {
    let sids = sids.ok_or_else(|| null_argument("p_sids"))?;
    let _by_keys = ByKeys::begin();
    let owned = OWNED_SIDS.rows(&[sids.into()], |row| row.want(1, "SID"))?;
    Ok(SetOfIterator::new(owned))
}

/// What the elements of the results of a look must be like: `words` are the verdicts, `with_claim` asks for a claim's id.
fn verdict_element(words: &[&str], with_claim: bool) -> Element {
    let tests: Vec<_> = words
        .iter()
        .map(|word| format!("@.verdict == \"{word}\""))
        .collect();
    let (claim, claim_rule) = if with_claim {
        ("|| !(@.claim_id.type() == \"string\") ", "claim_id, ")
    } else {
        ("", "")
    };
    let found = Verdict::Found.as_str();
    Element {
        misfit: Cow::Owned(format!(
            "$[*] ? (!(@.message_id.type() == \"string\") {claim}|| !(@.attempt.type() == \"number\") || !({}) \
             || (@.verdict == \"{found}\" && (!(@.sid.type() == \"string\") || !(@.status.type() == \"string\"))))",
            tests.join(" || ")
        )),
        rule: Cow::Owned(format!(
            "Each result is an object with {claim_rule}message_id, attempt and verdict: {}; with {found} also sid and status.",
            words.join(", ")
        )),
    }
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn complete_unknown_sms_messages(
    results: Option<AnyElement>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(message_id, Uuid),
            name!(attempt, i32),
            name!(outcome, String),
        ),
    >,
> {
    let results = results.ok_or_else(|| null_argument("p_results"))?;
    let words: Vec<_> = Verdict::ALL
        .iter()
        .map(|verdict| verdict.as_str())
        .collect();
    require_array(results, "p_results", &verdict_element(&words, true))?;
    let _by_keys = ByKeys::begin();
    callbacks::lock(Some(results))?;
    let JsonB(found) = FOUND_UNKNOWN
        .row(&[jsonb(Some(results))], |row| row.want(1, "array"))?
        .ok_or_else(|| unexpected("array"))?;
    let mut rows = adopt(found, "list")?;
    rows.extend(settle(Some(results))?);
    Ok(TableIterator::new(rows))
}

type Settled = (Uuid, i32, String);

/// Takes over what Twilio has, by the same statement as callbacks: `source` says who found it. Elements have message_id,
/// attempt, sid, status and error_code.
fn adopt(found: Value, source: &str) -> Result<Vec<Settled>> {
    let Value::Array(mut found) = found else {
        return Err(unexpected("array"));
    };
    if found.is_empty() {
        return Ok(Vec::new());
    }
    for element in &mut found {
        let known = element["status"]
            .as_str()
            .is_some_and(|word| MessageStatus::from_twilio(word).is_some());
        element["source"] = json!(source);
        element["params"] = json!({ "source": source });
        // Twilio has it, whatever the word means: the SID must not be lost.
        if !known {
            element["mapped"] = json!(MessageStatus::Sending.as_str());
        }
    }
    let ids: Vec<_> = found
        .iter()
        .map(|element| {
            (
                element["message_id"].as_str().and_then(|id| uuid(id).ok()),
                element["attempt"]
                    .as_i64()
                    .and_then(|n| i32::try_from(n).ok()),
            )
        })
        .collect();
    let sids = found
        .iter()
        .filter_map(|element| element["sid"].as_str().map(str::to_owned))
        .collect();
    let results = callbacks::record(jsonb_of(Value::Array(found)))?;
    // Callbacks that came before anybody knew whose they were.
    follow_up(Vec::new(), sids)?;
    let rows = results.into_iter().filter_map(|(ordinal, result)| {
        let place = usize::try_from(ordinal).ok()?.checked_sub(1)?;
        let (message, attempt) = ids.get(place)?;
        Some(((*message)?, (*attempt)?, result))
    });
    Ok(rows.collect())
}

fn uuid(text: &str) -> Result<Uuid> {
    let parsed = uuid::Uuid::parse_str(text).map_err(|error| {
        invalid(
            format!("message_id {text:?} is no UUID: {error}"),
            "Pass ids as they were given.",
        )
    })?;
    Ok(Uuid::from_bytes(*parsed.as_bytes()))
}

fn settle(results: Option<AnyElement>) -> Result<Vec<Settled>> {
    let (priorities, places) = priority_ranks();
    SETTLE_UNKNOWN.rows(&[jsonb(results), priorities.into(), places.into()], |row| {
        Ok((
            row.want(1, "message")?,
            row.want(2, "attempt")?,
            row.want(3, "outcome")?,
        ))
    })
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn resolve_sms_message(
    message_id: Option<Uuid>,
    outcome: Option<&str>,
    sid: Option<&str>,
) -> Result<String> {
    let message_id = message_id.ok_or_else(|| null_argument("p_message_id"))?;
    let outcome = outcome.ok_or_else(|| null_argument("p_outcome"))?;
    let is_accepted = match (outcome, sid) {
        ("accepted", Some(_)) => true,
        ("not_sent", None) => false,
        ("accepted", None) => return Err(null_argument("p_sid")),
        ("not_sent", Some(_)) => {
            return Err(invalid(
                "p_sid is given for a message that was not sent",
                "Leave p_sid out, or pass accepted.",
            ));
        }
        _ => {
            return Err(invalid(
                format!("p_outcome is {outcome:?}"),
                "Use accepted or not_sent.",
            ));
        }
    };
    let _by_keys = ByKeys::begin();
    let lock = json!([{ "message_id": message_id.to_string() }]);
    callbacks::lock(jsonb_of(lock))?;
    let before = status(message_id)?.ok_or_else(|| {
        not_found(
            format!("there is no message {message_id}"),
            "SELECT message_id FROM herald.unknown_messages shows those in doubt.",
        )
    })?;
    let claim = new_id();
    let attempt: i32 = TAKE_UNKNOWN
        .row(&[message_id.into(), claim.into()], |row| {
            row.want(1, "attempt")
        })?
        .ok_or_else(|| {
            wrong_state(
                format!("message {message_id} is not in doubt, it is {before}"),
                "SELECT * FROM herald.unknown_messages shows those that are.",
            )
        })?;
    if is_accepted {
        let callback = json!([{ "message_id": message_id.to_string(), "attempt": attempt, "sid": sid, "status": "accepted" }]);
        let results = adopt(callback, "operator")?;
        if results.iter().any(|(.., result)| result == "conflict") {
            return Err(invalid(
                format!("SID {} belongs to another message", sid.unwrap_or_default()),
                "SELECT message_id FROM herald.sms_send_attempts WHERE sid = … shows which.",
            ));
        }
    } else {
        let result = json!([{ "claim_id": claim.to_string(), "message_id": message_id.to_string(), "attempt": attempt,
                              "verdict": "not_sent", "source": "operator" }]);
        settle(jsonb_of(result))?;
    }
    status(message_id)?.ok_or_else(|| unexpected("message"))
}

fn status(message_id: Uuid) -> Result<Option<String>> {
    MESSAGE_STATUS.row(&[message_id.into()], |row| row.want(1, "status"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn requeue_sms_messages(
    message_ids: Option<Vec<Option<Uuid>>>,
) -> Result<SetOfIterator<'static, Uuid>> {
    let message_ids = message_ids.ok_or_else(|| null_argument("p_message_ids"))?;
    let (priorities, places) = priority_ranks();
    let _by_keys = ByKeys::begin();
    let requeued = REQUEUE_MESSAGES.rows(
        &[message_ids.into(), priorities.into(), places.into()],
        |row| row.want(1, "message"),
    )?;
    Ok(SetOfIterator::new(requeued))
}

/// Statuses in which Twilio has a text and more is awaited.
fn awaited() -> Vec<&'static str> {
    vec![
        MessageStatus::Sending.as_str(),
        MessageStatus::Sent.as_str(),
    ]
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn claim_stale_sms_messages(
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(message_id, Uuid),
            name!(attempt, i32),
            name!(sid, String),
        ),
    >,
> {
    let limit = checked_limit(limit)?;
    let _by_keys = ByKeys::begin();
    SWEEP_STALE.run(&[SWEEP.into(), awaited().into()])?;
    let rows = CLAIM_STALE.rows(&[limit.into(), awaited().into()], |row| {
        Ok((
            row.want(1, "message")?,
            row.want(2, "attempt")?,
            row.want(3, "SID")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn complete_stale_sms_messages(results: Option<AnyElement>) -> Result<i32> {
    let results = results.ok_or_else(|| null_argument("p_results"))?;
    let element = verdict_element(&["found", "gone", "failed"], false);
    require_array(results, "p_results", &element)?;
    let _by_keys = ByKeys::begin();
    callbacks::lock(Some(results))?;
    // SAFETY: the SQL declaration says jsonb.
    let parsed = unsafe { JsonB::from_datum(results.datum(), false) };
    let JsonB(Value::Array(elements)) = parsed.ok_or_else(|| unexpected("array"))? else {
        return Err(unexpected("array"));
    };
    let found = elements
        .into_iter()
        .filter(|element| element["verdict"] == Verdict::Found.as_str());
    let answered = adopt(Value::Array(found.collect()), "fetch")?;
    FINISH_STALE.run(&[jsonb(Some(results))])?;
    let applied = answered.iter().filter(|(.., result)| result == "applied");
    Ok(i32::try_from(applied.count()).unwrap_or(i32::MAX))
}
