//! Calls about doubts and silence.

use std::collections::HashSet;

use serde_json::Value;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::column;
use crate::database::DatabaseError;
use crate::link::{Link, Parameter};
use crate::protocol::arming::{Place, Seen};
use crate::records::{LookResult, SilentAttempt, StaleResult, StatusRow, UnknownAttempt};

const CLAIM_UNKNOWN: &str = "SELECT claim_id, message_id, attempt, to_number, body, \
    floor(extract(epoch FROM accepted_from))::int8, ceil(extract(epoch FROM accepted_until))::int8, refused_before, settle \
    FROM claim_unknown_sms_messages($1)";
const OWNED_SIDS: &str = "SELECT sid FROM herald_owned_sids($1) AS owned (sid)";
const COMPLETE_UNKNOWN: &str =
    "SELECT message_id, attempt, outcome FROM complete_unknown_sms_messages($1)";
const CLAIM_STALE: &str = "SELECT message_id, attempt, sid FROM claim_stale_sms_messages($1)";
const COMPLETE_STALE: &str = "SELECT complete_stale_sms_messages($1)";

const IDENTITY: &str = "SELECT install_id, system_identifier, timeline, database_oid, wal_position, installed_here, \
    arming_id, armed_system_identifier, armed_timeline, armed_database_oid, knows_arming, waiting \
    FROM herald_dispatch_identity($1)";
const ARM: &str = "SELECT quarantined FROM herald_arm($1)";
const STATUS: &str = "SELECT section, name, amount, age_seconds, detail FROM herald_status()";
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

/// Which database this is, and for which one sending was armed; `known` is the arming that we remember.
pub(crate) async fn identity(link: &mut Link, known: Option<Uuid>) -> Result<Seen, DatabaseError> {
    const CALL: &str = "herald_dispatch_identity";
    let rows = link.query(CALL, IDENTITY, &[(&known, Type::UUID)]).await?;
    let Some(row) = rows.first() else {
        return Err(DatabaseError::Unusable(format!("{CALL} gave no row")));
    };
    let armed = match column::<Option<Uuid>>(row, 6, CALL)? {
        None => None,
        Some(arming) => Some((
            arming,
            Place {
                system_identifier: column(row, 7, CALL)?,
                timeline: column(row, 8, CALL)?,
                database_oid: column(row, 9, CALL)?,
            },
        )),
    };
    Ok(Seen {
        install_id: column(row, 0, CALL)?,
        place: Place {
            system_identifier: column(row, 1, CALL)?,
            timeline: column(row, 2, CALL)?,
            database_oid: column(row, 3, CALL)?,
        },
        wal_position: column(row, 4, CALL)?,
        installed_here: column(row, 5, CALL)?,
        armed,
        knows_arming: column(row, 10, CALL)?,
        waiting: column(row, 11, CALL)?,
    })
}

/// Arms sending for this database, for the first time or by an operator's word. Returns how many texts are looked for
/// before they may go.
pub(crate) async fn arm(link: &mut Link, first: bool) -> Result<i32, DatabaseError> {
    const CALL: &str = "herald_arm";
    let rows = link.query(CALL, ARM, &[(&first, Type::BOOL)]).await?;
    rows.first().map_or(Ok(0), |row| column(row, 0, CALL))
}

/// The state of sending at a glance.
pub(crate) async fn status(link: &mut Link) -> Result<Vec<StatusRow>, DatabaseError> {
    const CALL: &str = "herald_status";
    let rows = link.query(CALL, STATUS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(StatusRow {
                section: column(row, 0, CALL)?,
                name: column(row, 1, CALL)?,
                amount: column(row, 2, CALL)?,
                age_seconds: column(row, 3, CALL)?,
                detail: column(row, 4, CALL)?,
            })
        })
        .collect()
}

/// Writes results that a journal kept, in the name of the process that claimed their texts. Returns how many were not
/// applied: written before, or their lease was lost.
pub(crate) async fn complete_kept(
    link: &mut Link,
    worker: Uuid,
    results: &[Value],
) -> Result<usize, DatabaseError> {
    const CALL: &str = "complete_sms_messages";
    let parameters: [Parameter<'_>; 2] = [(&worker, Type::UUID), (&Json(results), Type::JSONB)];
    let rows = link.query(CALL, super::COMPLETE, &parameters).await?;
    let mut refused = 0;
    for row in &rows {
        refused += usize::from(!column::<bool>(row, 2, CALL)?);
    }
    Ok(refused)
}
