//! Calls about doubts and silence.

use std::collections::HashSet;

use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::column;
use crate::database::DatabaseError;
use crate::link::{Link, Parameter};
use crate::records::{LookResult, SilentAttempt, StaleResult, UnknownAttempt};

const CLAIM_UNKNOWN: &str = "SELECT claim_id, message_id, attempt, to_number, body, \
    floor(extract(epoch FROM accepted_from))::int8, ceil(extract(epoch FROM accepted_until))::int8, refused_before, settle \
    FROM claim_unknown_sms_messages($1)";
const OWNED_SIDS: &str = "SELECT sid FROM herald_owned_sids($1) AS owned (sid)";
const COMPLETE_UNKNOWN: &str =
    "SELECT message_id, attempt, outcome FROM complete_unknown_sms_messages($1)";
const CLAIM_STALE: &str = "SELECT message_id, attempt, sid FROM claim_stale_sms_messages($1)";
const COMPLETE_STALE: &str = "SELECT complete_stale_sms_messages($1)";

const RESOLVE: &str = "SELECT resolve_sms_message($1, $2, $3)";

/// Takes attempts in doubt that are due, with all others to the same numbers, ordered by number. Empty: none is due.
pub(crate) async fn claim_unknown(
    link: &mut Link,
    limit: i32,
) -> Result<Vec<UnknownAttempt>, DatabaseError> {
    const CALL: &str = "claim_unknown_sms_messages";
    let rows = link
        .query(CALL, CLAIM_UNKNOWN, &[(&limit, Type::INT4)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(UnknownAttempt {
                claim_id: column(row, 0, CALL)?,
                message_id: column(row, 1, CALL)?,
                attempt: column(row, 2, CALL)?,
                to_number: column(row, 3, CALL)?,
                body: column(row, 4, CALL)?,
                accepted_from: column(row, 5, CALL)?,
                accepted_until: column(row, 6, CALL)?,
                refused_before: column(row, 7, CALL)?,
                settle: column(row, 8, CALL)?,
            })
        })
        .collect()
}

/// Those of the SIDs that belong to a message of ours.
pub(crate) async fn owned_sids(
    link: &mut Link,
    sids: &[&str],
) -> Result<HashSet<String>, DatabaseError> {
    const CALL: &str = "herald_owned_sids";
    let rows = link
        .query(CALL, OWNED_SIDS, &[(&sids, Type::TEXT_ARRAY)])
        .await?;
    rows.iter().map(|row| column(row, 0, CALL)).collect()
}

/// Writes what was found, and returns message, attempt and outcome of what was settled or put off.
pub(crate) async fn complete_unknown(
    link: &mut Link,
    results: &[LookResult],
) -> Result<Vec<(Uuid, i32, String)>, DatabaseError> {
    const CALL: &str = "complete_unknown_sms_messages";
    let rows = link
        .query(CALL, COMPLETE_UNKNOWN, &[(&Json(results), Type::JSONB)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                column(row, 0, CALL)?,
                column(row, 1, CALL)?,
                column(row, 2, CALL)?,
            ))
        })
        .collect()
}

/// Takes acceptances of which nothing final was heard. Empty: none is due.
pub(crate) async fn claim_stale(
    link: &mut Link,
    limit: i32,
) -> Result<Vec<SilentAttempt>, DatabaseError> {
    const CALL: &str = "claim_stale_sms_messages";
    let rows = link
        .query(CALL, CLAIM_STALE, &[(&limit, Type::INT4)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SilentAttempt {
                message_id: column(row, 0, CALL)?,
                attempt: column(row, 1, CALL)?,
                sid: column(row, 2, CALL)?,
            })
        })
        .collect()
}

/// Writes what Twilio said of them. Returns how many were news.
pub(crate) async fn complete_stale(
    link: &mut Link,
    results: &[StaleResult],
) -> Result<i32, DatabaseError> {
    const CALL: &str = "complete_stale_sms_messages";
    let rows = link
        .query(CALL, COMPLETE_STALE, &[(&Json(results), Type::JSONB)])
        .await?;
    rows.first().map_or(Ok(0), |row| column(row, 0, CALL))
}

/// Decides a text in doubt by an operator's word: with a SID Twilio has it, without one it never took it. Returns the
/// message's status now.
pub(crate) async fn resolve(
    link: &mut Link,
    message: Uuid,
    sid: Option<&str>,
) -> Result<String, DatabaseError> {
    const CALL: &str = "resolve_sms_message";
    let outcome = if sid.is_some() {
        "accepted"
    } else {
        "not_sent"
    };
    let parameters: [Parameter<'_>; 3] = [
        (&message, Type::UUID),
        (&outcome, Type::TEXT),
        (&sid, Type::TEXT),
    ];
    let rows = link.query(CALL, RESOLVE, &parameters).await?;
    match rows.first() {
        Some(row) => column(row, 0, CALL),
        None => Err(DatabaseError::Unusable(format!("{CALL} gave no row"))),
    }
}
