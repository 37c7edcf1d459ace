//! All SQL of the daemon: it calls the extension's functions and touches no table.

mod consent;

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_core::callback::CallbackKey;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

mod protocol;
mod verification;

pub(crate) use protocol::{
    arm, claim_stale, claim_unknown, complete_kept, complete_stale, complete_unknown, identity,
    owned_sids, resolve, status,
};
pub(crate) use verification::{claim_verifications, complete_verification};

use crate::database::DatabaseError;
use crate::link::Link;
use crate::records::{AttemptResult, Breaker, Callback, Claimed, Hello, QueueStat, StoryLine};

pub(crate) use consent::{purge, record_inbound};

/// First statement of each session. No row: the extension is not installed.
pub(crate) const PREPARE_SESSION: &str = "\
    SELECT set_config('search_path', format('pg_catalog, %I, pg_temp', n.nspname), false),
           set_config('statement_timeout', '7s', false)
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_herald'";
/// As that, behind a pooler in transaction mode, where settings last as long as a transaction: gives the statements that
/// begin one. No row: the extension is not installed.
pub(crate) const FIND_EXTENSION: &str = "\
    SELECT format('BEGIN; SET LOCAL search_path = pg_catalog, %I, pg_temp; SET LOCAL statement_timeout = ''7s''', n.nspname)
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_herald'";
/// Makes the session hear of work.
pub(crate) const LISTEN: &str = "LISTEN herald";
/// A hint to everybody, ourselves included: there may be work.
pub(crate) const NOTIFY: &str = "NOTIFY herald";
/// Whether this is still the session that listens: behind a pooler in transaction mode it may be another one.
pub(crate) const IS_LISTENING: &str = "SELECT pg_backend_pid(), EXISTS (SELECT FROM pg_listening_channels() AS c (channel) WHERE channel = 'herald')";
/// The process id of the session's backend.
pub(crate) const BACKEND: &str = "SELECT pg_backend_pid()";

const HELLO: &str = "SELECT schema_version, extension_version, callback_key, lease_seconds, server_time, in_recovery \
    FROM herald_dispatcher_hello($1, $2)";
const CLAIM: &str = "SELECT batch_id, message_id, attempt, to_number, body, priority, validity_seconds \
    FROM claim_sms_messages($1, $2)";
const COMPLETE: &str = "SELECT message_id, attempt, applied FROM complete_sms_messages($1, $2)";
const EXTEND: &str = "SELECT id FROM extend_dispatch_leases($1, $2) AS held (id)";
const EXPIRE: &str = "SELECT expire_dispatch_leases()";
const FAN_OUT: &str = "SELECT deliveries FROM fan_out_notification_events($1)";
const NEXT_DUE: &str = "SELECT extract(epoch FROM herald_next_due() - now())::float8";
const RECORD_CALLBACKS: &str = "SELECT ordinal, result FROM record_twilio_callbacks($1)";
const QUEUE_STATS: &str =
    "SELECT state, priority, messages, oldest_age_seconds FROM herald_queue_stats()";
const BREAKERS: &str =
    "SELECT id, scope, key, error_code, reason, severity, advice FROM herald_breakers()";
const WHY: &str = "SELECT at, user_id, channel, step, detail FROM why($1, $2)";
const PING: &str = "SELECT pg_is_in_recovery()";

/// Functions that role `dispatcher` needs, with their argument types.
pub(crate) const FUNCTIONS: &[&str] = &[
    "herald_dispatcher_hello(uuid, text)",
    "claim_sms_messages(uuid, integer)",
    "complete_sms_messages(uuid, jsonb)",
    "extend_dispatch_leases(uuid, uuid[])",
    "expire_dispatch_leases()",
    "fan_out_notification_events(integer)",
    "claim_phone_verifications(uuid, integer)",
    "complete_phone_verification(uuid, uuid, integer, text, jsonb)",
    "herald_next_due()",
    "record_twilio_callbacks(jsonb)",
    "record_twilio_inbound(jsonb)",
    "purge_expired_records(integer)",
    "herald_queue_stats()",
    "herald_dispatch_identity(uuid)",
    "herald_arm(boolean)",
    "herald_status()",
    "herald_breakers()",
    "claim_unknown_sms_messages(integer)",
    "herald_owned_sids(text[])",
    "complete_unknown_sms_messages(jsonb)",
    "claim_stale_sms_messages(integer)",
    "complete_stale_sms_messages(jsonb)",
    "resolve_sms_message(uuid, text, text)",
    "why(uuid, uuid)",
];
/// For each function of the array: does it exist, and may this role call it?
const PRIVILEGES: &str = "SELECT f.name, to_regprocedure(f.name) IS NOT NULL, \
    coalesce(has_function_privilege(to_regprocedure(f.name)::oid, 'EXECUTE'), false) \
    FROM unnest($1) AS f (name)";

fn unusable(call: &str, error: &dyn std::error::Error) -> DatabaseError {
    DatabaseError::Unusable(format!(
        "{call} answered with something else than expected: {}",
        crate::error::chain(error)
    ))
}

/// Reads one column, or says which call gave something unexpected.
fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    index: usize,
    call: &str,
) -> Result<T, DatabaseError> {
    row.try_get(index).map_err(|error| unusable(call, &error))
}

/// Introduces this process (`worker`, new at each start) and learns what the installation wants.
pub(crate) async fn hello(link: &mut Link, worker: Uuid) -> Result<Hello, DatabaseError> {
    const CALL: &str = "herald_dispatcher_hello";
    let before = Utc::now();
    let version = env!("CARGO_PKG_VERSION");
    let rows = link
        .query(
            CALL,
            HELLO,
            &[(&worker, Type::UUID), (&version, Type::TEXT)],
        )
        .await?;
    let after = Utc::now();
    let row = rows
        .first()
        .ok_or_else(|| DatabaseError::Unusable(format!("{CALL} gave no row")))?;

    let key: String = column(row, 2, CALL)?;
    let lease: i32 = column(row, 3, CALL)?;
    let server_time: DateTime<Utc> = column(row, 4, CALL)?;
    let ours = before + (after - before) / 2;
    Ok(Hello {
        schema_version: column(row, 0, CALL)?,
        extension_version: column(row, 1, CALL)?,
        callback_key: CallbackKey::from_base64(&key).map_err(|error| unusable(CALL, &error))?,
        lease: Duration::from_secs(u64::try_from(lease).unwrap_or(0)),
        clock_offset_seconds: (server_time - ours).as_seconds_f64(),
        in_recovery: column(row, 5, CALL)?,
    })
}

/// Claims up to `limit` texts that are due. Empty: nothing is. What is returned is ours, durably, until the lease ends.
pub(crate) async fn claim(
    link: &mut Link,
    worker: Uuid,
    limit: i32,
) -> Result<Vec<Claimed>, DatabaseError> {
    const CALL: &str = "claim_sms_messages";
    let rows = link
        .query(CALL, CLAIM, &[(&worker, Type::UUID), (&limit, Type::INT4)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                batch_id: column(row, 0, CALL)?,
                message_id: column(row, 1, CALL)?,
                attempt: column(row, 2, CALL)?,
                to_number: column(row, 3, CALL)?,
                body: column(row, 4, CALL)?,
                priority: column(row, 5, CALL)?,
                validity_seconds: column(row, 6, CALL)?,
            })
        })
        .collect()
}

/// Writes results. Returns message and attempt of those that were not applied, because their lease was lost.
pub(crate) async fn complete(
    link: &mut Link,
    worker: Uuid,
    results: &[AttemptResult],
) -> Result<Vec<(Uuid, i32)>, DatabaseError> {
    const CALL: &str = "complete_sms_messages";
    let rows = link
        .query(
            CALL,
            COMPLETE,
            &[(&worker, Type::UUID), (&Json(results), Type::JSONB)],
        )
        .await?;
    let mut refused = Vec::new();
    for row in &rows {
        if !column::<bool>(row, 2, CALL)? {
            refused.push((column(row, 0, CALL)?, column(row, 1, CALL)?));
        }
    }
    Ok(refused)
}

/// Renews the leases of these batches. Returns those that are still ours.
pub(crate) async fn extend(
    link: &mut Link,
    worker: Uuid,
    batches: &[Uuid],
) -> Result<Vec<Uuid>, DatabaseError> {
    const CALL: &str = "extend_dispatch_leases";
    let rows = link
        .query(
            CALL,
            EXTEND,
            &[(&worker, Type::UUID), (&batches, Type::UUID_ARRAY)],
        )
        .await?;
    rows.iter().map(|row| column(row, 0, CALL)).collect()
}

/// Turns texts whose lease ended, whoever held it, into `unknown`. Returns how many.
pub(crate) async fn expire(link: &mut Link) -> Result<u64, DatabaseError> {
    const CALL: &str = "expire_dispatch_leases";
    let rows = link.query(CALL, EXPIRE, &[]).await?;
    let expired: i32 = rows.first().map_or(Ok(0), |row| column(row, 0, CALL))?;
    Ok(u64::try_from(expired).unwrap_or(0))
}

/// Writes the deliveries of one chunk of a broadcast. Returns how many, or `None` if no broadcast waits.
pub(crate) async fn fan_out(link: &mut Link, limit: i32) -> Result<Option<u64>, DatabaseError> {
    const CALL: &str = "fan_out_notification_events";
    let rows = link.query(CALL, FAN_OUT, &[(&limit, Type::INT4)]).await?;
    let mut written = None;
    for row in &rows {
        let deliveries: i32 = column(row, 0, CALL)?;
        *written.get_or_insert(0) += u64::try_from(deliveries).unwrap_or(0);
    }
    Ok(written)
}

/// How long until something is due, by Postgres' clock; zero if something is already. `None` if nothing waits.
pub(crate) async fn due_in(link: &mut Link) -> Result<Option<Duration>, DatabaseError> {
    const CALL: &str = "herald_next_due";
    let rows = link.query(CALL, NEXT_DUE, &[]).await?;
    let seconds: Option<f64> = rows.first().map_or(Ok(None), |row| column(row, 0, CALL))?;
    Ok(seconds
        .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)))
}

/// Records callbacks with their effects. Returns for each, in order, what was done: applied, stale, duplicate, orphan,
/// conflict or ignored.
pub(crate) async fn record_callbacks(
    link: &mut Link,
    callbacks: &[&Callback],
) -> Result<Vec<String>, DatabaseError> {
    const CALL: &str = "record_twilio_callbacks";
    let rows = link
        .query(CALL, RECORD_CALLBACKS, &[(&Json(callbacks), Type::JSONB)])
        .await?;
    let mut results = vec![String::new(); callbacks.len()];
    for row in &rows {
        let ordinal: i32 = column(row, 0, CALL)?;
        let slot = usize::try_from(ordinal)
            .ok()
            .and_then(|ordinal| results.get_mut(ordinal.wrapping_sub(1)));
        if let Some(slot) = slot {
            *slot = column(row, 1, CALL)?;
        }
    }
    Ok(results)
}

/// How much waits, by state and priority.
pub(crate) async fn queue_stats(link: &mut Link) -> Result<Vec<QueueStat>, DatabaseError> {
    const CALL: &str = "herald_queue_stats";
    let rows = link.query(CALL, QUEUE_STATS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(QueueStat {
                state: column(row, 0, CALL)?,
                priority: column(row, 1, CALL)?,
                messages: column(row, 2, CALL)?,
                oldest_age_seconds: column(row, 3, CALL)?,
            })
        })
        .collect()
}

/// What is out of order now.
pub(crate) async fn breakers(link: &mut Link) -> Result<Vec<Breaker>, DatabaseError> {
    const CALL: &str = "herald_breakers";
    let rows = link.query(CALL, BREAKERS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Breaker {
                id: column(row, 0, CALL)?,
                scope: column(row, 1, CALL)?,
                key: column(row, 2, CALL)?,
                error_code: column(row, 3, CALL)?,
                reason: column(row, 4, CALL)?,
                severity: column(row, 5, CALL)?,
                advice: column(row, 6, CALL)?,
            })
        })
        .collect()
}

/// The story of an event, in order; `user` narrows it to one recipient.
pub(crate) async fn why(
    link: &mut Link,
    event: Uuid,
    user: Option<Uuid>,
) -> Result<Vec<StoryLine>, DatabaseError> {
    const CALL: &str = "why";
    let rows = link
        .query(CALL, WHY, &[(&event, Type::UUID), (&user, Type::UUID)])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StoryLine {
                at: column(row, 0, CALL)?,
                user_id: column(row, 1, CALL)?,
                channel: column(row, 2, CALL)?,
                step: column(row, 3, CALL)?,
                detail: column(row, 4, CALL)?,
            })
        })
        .collect()
}

/// Whether Postgres answers at all.
pub(crate) async fn ping(link: &mut Link) -> Result<(), DatabaseError> {
    link.query("pg_is_in_recovery", PING, &[]).await.map(drop)
}

/// For each of [`FUNCTIONS`]: its name, whether it exists, whether this role may call it.
pub(crate) async fn privileges(
    link: &mut Link,
) -> Result<Vec<(String, bool, bool)>, DatabaseError> {
    const CALL: &str = "has_function_privilege";
    let rows = link
        .query(CALL, PRIVILEGES, &[(&FUNCTIONS, Type::TEXT_ARRAY)])
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
