//! The real tables: one transaction is one history. Its time stands still (`now()` is its begin) but for what is moved by
//! hand: "later" means that every stored time is earlier.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::picture::Picture;
use crate::config::DatabaseConfig;
use crate::database::{Database, DatabaseError};
use crate::error::chain;
use crate::histories::Rules;
use crate::link::{Link, Parameter};

/// Milliseconds since 1970 and the microseconds beyond them; then the times of the protocol, in milliseconds.
const BEGUN: &str = "\
    SELECT floor(extract(epoch FROM now()) * 1000)::int8, (extract(microseconds FROM now())::int8 % 1000)::int8, \
        (SELECT (value #>> '{}')::int8 * 1000 FROM herald.settings WHERE name = 'lease_seconds'), \
        (SELECT (value #>> '{}')::int8 * 1000 FROM herald.settings WHERE name = 'listing_lag_seconds'), \
        (extract(epoch FROM t.late_acceptance) * 1000)::int8, (extract(epoch FROM t.decision_wait) * 1000)::int8, \
        (extract(epoch FROM t.listing_gap) * 1000)::int8, (extract(epoch FROM t.clock_skew) * 1000)::int8 \
    FROM herald.protocol_times t";
/// Plans for all values are made once; these are no measurements. Due times are moved, so each claim begins at the oldest.
const SETTINGS: &str = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), \
    set_config('pg_herald.claim_floor', 'off', true)";
const LATER: &str = "\
    WITH moved AS (SELECT make_interval(secs => $1 / 1000.0) AS by), \
    jobs AS (UPDATE herald.queue_jobs SET run_at = run_at - by FROM moved), \
    batches AS (UPDATE herald.dispatch_batches SET claimed_at = claimed_at - by, lease_until = lease_until - by FROM moved), \
    attempts AS (UPDATE herald.sms_send_attempts SET started_at = started_at - by, finished_at = finished_at - by, \
        resolved_at = resolved_at - by, resolve_at = resolve_at - by, resolve_claimed_at = resolve_claimed_at - by, \
        absent_at = absent_at - by, poll_at = poll_at - by FROM moved), \
    callbacks AS (UPDATE herald.twilio_callbacks SET received_at = received_at - by FROM moved), \
    armings AS (UPDATE herald.armings SET armed_at = armed_at - by FROM moved) \
    UPDATE herald.sms_messages SET created_at = created_at - by, updated_at = updated_at - by, sent_at = sent_at - by, \
        delivered_at = delivered_at - by, failed_at = failed_at - by, next_retry_at = next_retry_at - by FROM moved";
const EMIT: &str = "SELECT queue_sms_message($1, $2, $3)";
const REQUEUE: &str = "SELECT id FROM requeue_sms_messages($1) AS requeued (id)";
/// Times in milliseconds from now.
const PICTURE: &str = "\
    WITH message_row AS (\
        SELECT m.id, m.status, m.twilio_sid AS sid, m.twilio_error_code AS error_code, \
               extract(epoch FROM q.run_at - now()) * 1000 AS due, q.attempt AS next_attempt, m.batch_id AS batch, \
               m.last_attempt, m.attempt_count AS attempts \
        FROM herald.sms_messages m LEFT JOIN herald.queue_jobs q ON q.subject_id = m.id ORDER BY m.id), \
    batch_row AS (\
        SELECT id, worker, extract(epoch FROM claimed_at - now()) * 1000 AS claimed_at, \
               extract(epoch FROM lease_until - now()) * 1000 AS lease_until, open_messages AS open \
        FROM herald.dispatch_batches ORDER BY id), \
    attempt_row AS (\
        SELECT message_id AS message, attempt, extract(epoch FROM started_at - now()) * 1000 AS started, \
               extract(epoch FROM finished_at - now()) * 1000 AS finished, outcome, sid, http_status, error_code, reason, \
               extract(epoch FROM resolve_at - now()) * 1000 AS resolve_at, resolve_claim AS claim, \
               CASE WHEN resolve_claim IS NOT NULL THEN extract(epoch FROM resolve_claimed_at - now()) * 1000 END AS claimed_at, \
               extract(epoch FROM absent_at - now()) * 1000 AS absent_at \
        FROM herald.sms_send_attempts ORDER BY message_id, attempt) \
    SELECT jsonb_build_object(\
        'messages', (SELECT coalesce(jsonb_agg(message_row), '[]') FROM message_row), \
        'batches', (SELECT coalesce(jsonb_agg(batch_row), '[]') FROM batch_row), \
        'attempts', (SELECT coalesce(jsonb_agg(attempt_row), '[]') FROM attempt_row))";

/// The database, by the daemon's own connection.
pub(super) struct Tables {
    pub(super) link: Link,
}

pub(super) fn told(error: DatabaseError) -> String {
    chain(&error)
}

impl Tables {
    pub(super) async fn open(url: &str) -> Result<Self, String> {
        let config = DatabaseConfig {
            connection: url
                .parse()
                .map_err(|error: tokio_postgres::Error| chain(&error))?,
            ca_file: None,
        };
        let database = Database::new(&config).map_err(|problem| problem.to_string())?;
        let link = Link::new(Arc::new(database), Counter::default());
        Ok(Self { link })
    }

    async fn query(
        &mut self,
        statement: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, String> {
        self.link
            .query("a statement of the test", statement, parameters)
            .await
            .map_err(told)
    }

    /// Begins a history: its time in milliseconds, and the times of the protocol as this installation has them.
    pub(super) async fn begin(&mut self) -> Result<(i64, Rules), String> {
        loop {
            self.query("BEGIN", &[]).await?;
            self.query(SETTINGS, &[]).await?;
            let rows = self.query(BEGUN, &[]).await?;
            let row = rows.first().ok_or("pg_herald is not installed")?;
            // The model has whole milliseconds; so that both round to the same second, the database's must not be whole.
            if row.get::<_, i64>(1) > 0 {
                let rules = Rules {
                    lease: row.get(2),
                    lag: row.get(3),
                    late: row.get(4),
                    decision_wait: row.get(5),
                    gap: row.get(6),
                    skew: row.get(7),
                    ..Rules::OURS
                };
                return Ok((row.get(0), rules));
            }
            self.roll_back().await?;
        }
    }

    pub(super) async fn roll_back(&mut self) -> Result<(), String> {
        self.query("ROLLBACK", &[]).await.map(drop)
    }

    pub(super) async fn later(&mut self, milliseconds: i64) -> Result<(), String> {
        let by = milliseconds as f64;
        self.query(LATER, &[(&by, Type::FLOAT8)]).await.map(drop)
    }

    /// An administrator's text: to whom it goes is not the gate's question here.
    pub(super) async fn emit(&mut self, to: &str, body: &str) -> Result<Uuid, String> {
        let parameters: [Parameter<'_>; 3] = [
            (&Uuid::nil(), Type::UUID),
            (&to, Type::TEXT),
            (&body, Type::TEXT),
        ];
        let rows = self.query(EMIT, &parameters).await?;
        Ok(rows.first().ok_or("no id")?.get(0))
    }

    pub(super) async fn requeue(&mut self, message: Uuid) -> Result<bool, String> {
        let rows = self
            .query(REQUEUE, &[(&[message].as_slice(), Type::UUID_ARRAY)])
            .await?;
        Ok(!rows.is_empty())
    }

    pub(super) async fn picture(&mut self) -> Result<Picture, String> {
        let rows = self.query(PICTURE, &[]).await?;
        let row = rows.first().ok_or("no picture")?;
        let Json(picture) = row.try_get(0).map_err(|error| chain(&error))?;
        Ok(picture)
    }
}
