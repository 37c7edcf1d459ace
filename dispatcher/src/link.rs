//! A session that is opened when it is needed and opened again after it was lost.

use std::sync::Arc;
use std::time::Duration;

use herald_core::backoff::delay_seconds;
use prometheus_client::metrics::counter::Counter;
use rand::Rng;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::database::{ANSWER_TIMEOUT, Database, DatabaseError, Session};

/// A parameter and its type: with the types given, a statement is one round trip and leaves nothing behind on the
/// server, which also suits a pooler.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// One connection for one purpose.
pub(crate) struct Link {
    database: Arc<Database>,
    session: Option<Session>,
    failures: i32,
    shuffle: bool,
    generation: u64,
    reopened: Counter,
}

impl Link {
    /// A link that opens its session at the first call. `reopened` counts each session after the first one.
    pub(crate) fn new(database: Arc<Database>, reopened: Counter) -> Self {
        Self {
            database,
            session: None,
            failures: 0,
            shuffle: false,
            generation: 0,
            reopened,
        }
    }

    /// Whether there is a session that is not known to be lost.
    pub(crate) fn is_open(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| !session.client.is_closed())
    }

    /// Hosts and database, for messages.
    pub(crate) fn place(&self) -> &str {
        self.database.place()
    }

    /// Which session this is, counted from 1; 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Opens a session unless there is one.
    pub(crate) async fn open(&mut self) -> Result<(), DatabaseError> {
        if self.is_open() {
            return Ok(());
        }
        self.close();
        let opened = self.database.connect(None, self.shuffle).await;
        self.shuffle = matches!(opened, Err(DatabaseError::ConnectTimeout { .. }));
        self.session = Some(opened?);
        if self.generation > 0 {
            self.reopened.inc();
        }
        self.generation += 1;
        Ok(())
    }

    /// Gives the session up.
    pub(crate) fn close(&mut self) {
        self.session = None;
    }

    /// Calls `call` with `statement`. A connection that is lost or does not answer in time is given up; the next call
    /// opens another. Nothing is repeated here.
    pub(crate) async fn query(
        &mut self,
        call: &'static str,
        statement: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.open().await?;
        let Some(session) = &self.session else {
            return Err(DatabaseError::Timeout { call });
        };
        let answer = run(session, statement, parameters);
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(rows)) => {
                self.failures = 0;
                Ok(rows)
            }
            Ok(Err(source)) => {
                // No word from the server means a broken connection; "read only" means that it is no primary any more.
                if matches!(
                    source.code(),
                    None | Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
                ) {
                    self.close();
                }
                Err(DatabaseError::Call { call, source })
            }
            Err(_) => {
                self.close();
                Err(DatabaseError::Timeout { call })
            }
        }
    }

    /// How long to wait after a failure: a random time that grows from 0.1 to 5 s while failures follow each other.
    pub(crate) fn retry_delay(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let seconds = delay_seconds(0.1, 5.0, self.failures, rand::rng().random());
        Duration::from_secs_f64(seconds)
    }
}

/// One round trip, also behind a pooler: there the three statements follow each other without waiting for answers.
async fn run(
    session: &Session,
    statement: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let client = &session.client;
    let Some(begin) = &session.begin else {
        return client.query_typed(statement, parameters).await;
    };
    let (begun, rows, committed) = tokio::join!(
        client.batch_execute(begin),
        client.query_typed(statement, parameters),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let rows = rows?;
    committed?;
    Ok(rows)
}
