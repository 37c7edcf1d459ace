//! Hears of new work: a connection of its own that does nothing but LISTEN.
//!
//! NOTIFY is a hint and this connection a nicety; the claim loop polls anyway.

use std::sync::Arc;
use std::time::Duration;

use herald_core::backoff::delay_seconds;
use rand::Rng;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::database::{Database, DatabaseError, Session};
use crate::error::chain;
use crate::health::Health;
use crate::store;
use crate::wake::Wake;

/// How often the session is asked whether it still listens.
const CHECK_EVERY: Duration = Duration::from_secs(4);
/// How long its answer may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The task that listens.
pub(crate) struct Listener {
    /// How to open the session.
    pub(crate) database: Arc<Database>,
    /// Notified for each hint, and after each new session, since hints may have been missed before.
    pub(crate) wake: Arc<Wake>,
    /// Told whether we listen.
    pub(crate) health: Arc<Health>,
}

impl Listener {
    /// Listens for ever.
    pub(crate) async fn run(self) {
        let mut failures = 0;
        loop {
            if self.database.is_pooled() {
                // Work is found by polling from now on.
                return std::future::pending().await;
            }
            let error = match self.open().await {
                Ok((session, backend)) => {
                    failures = 0;
                    tracing::info!("listening for new work");
                    self.health.set_listening(true);
                    self.wake.all();
                    let error = self.stay(session, backend).await;
                    self.health.set_listening(false);
                    error
                }
                Err(error) => chain(&error),
            };
            failures += 1;
            let seconds = delay_seconds(0.1, 5.0, failures, rand::rng().random());
            let delay = Duration::from_secs_f64(seconds);
            tracing::warn!(
                retry_in_ms = delay.as_millis(),
                error,
                "not listening: polling for work"
            );
            sleep(delay).await;
        }
    }

    async fn open(&self) -> Result<(Session, i32), DatabaseError> {
        let failed = |source| DatabaseError::Call {
            call: "LISTEN",
            source,
        };
        let session = self
            .database
            .connect(Some(self.wake.clone()), false)
            .await?;
        if session.begin.is_some() {
            return Err(DatabaseError::Unusable(
                "LISTEN does not work through a pooler in transaction mode".to_owned(),
            ));
        }
        let listen = async {
            session
                .client
                .batch_execute(store::LISTEN)
                .await
                .map_err(failed)?;
            let rows = session
                .client
                .query_typed(store::BACKEND, &[])
                .await
                .map_err(failed)?;
            rows.first()
                .map_or(Ok(0), |row| row.try_get(0))
                .map_err(failed)
        };
        let backend = timeout(CHECK_TIMEOUT, listen).await;
        let backend = backend.unwrap_or(Err(DatabaseError::Timeout { call: "LISTEN" }))?;
        Ok((session, backend))
    }

    /// Returns why the session is of no use any more.
    async fn stay(&self, mut session: Session, backend: i32) -> String {
        loop {
            tokio::select! {
                () = session.ended() => return "the connection ended".to_owned(),
                () = sleep(CHECK_EVERY) => {}
            }
            match timeout(CHECK_TIMEOUT, is_listening(&session.client, backend)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    return "another server session answers: LISTEN does not work through a pooler in transaction mode"
                        .to_owned();
                }
                Ok(Err(error)) => return chain(&error),
                Err(_) => return format!("no answer within {} s", CHECK_TIMEOUT.as_secs()),
            }
        }
    }
}

async fn is_listening(client: &Client, backend: i32) -> Result<bool, tokio_postgres::Error> {
    let rows = client.query_typed(store::IS_LISTENING, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    Ok(row.try_get::<_, i32>(0)? == backend && row.try_get(1)?)
}
