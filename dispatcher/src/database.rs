//! Connections to Postgres: settings, TLS, time-outs, and the task that drives each one.

#[cfg(test)]
pub(crate) mod tests;
mod tls;

use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{LoadBalanceHosts, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{DatabaseConfig, Problem};
use crate::error::chain;
use crate::store;
use crate::wake::Wake;

/// For one host, from the name look-up to the first query. Postgres' own `connect_timeout` ends with the TCP connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the TCP connect to one address, so that a host that is gone leaves time for the next one.
const TCP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take before the connection counts as lost. Above the session's `statement_timeout`.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_millis(8500);
/// How long two statements of the probe for a pooler may take; one that waits for a free server session of a small pool
/// waits longer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why Postgres did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// No session could be opened.
    #[error("cannot connect to Postgres at {place}")]
    Connect {
        /// Hosts and database.
        place: String,
        /// What the driver or the server said.
        source: tokio_postgres::Error,
    },
    /// No session within the time allowed.
    #[error("Postgres at {place} gave no session within {} s", .after.as_secs())]
    ConnectTimeout {
        /// Hosts and database.
        place: String,
        /// The time allowed.
        after: Duration,
    },
    /// The extension is not there.
    #[error(
        "the extension pg_herald is not installed in Postgres at {place}: run CREATE EXTENSION pg_herald; SELECT herald_install();"
    )]
    NoExtension {
        /// Hosts and database.
        place: String,
    },
    /// A standby cannot be claimed from.
    #[error(
        "Postgres at {place} is a standby: name all servers in DATABASE_URL and add target_session_attrs=read-write"
    )]
    Standby {
        /// Hosts and database.
        place: String,
    },
    /// This database is not the one that was armed.
    #[error(
        "sending is not armed for this database: {0}. If it is the one to send from, run herald arm --yes"
    )]
    NotArmed(String),
    /// What the extension said cannot be worked with.
    #[error("{0}")]
    Unusable(String),
    /// A statement failed.
    #[error("{call} failed")]
    Call {
        /// The function that was called.
        call: &'static str,
        /// What the driver or the server said.
        source: tokio_postgres::Error,
    },
    /// No answer to a statement.
    #[error("{call} gave no answer within {} s: the connection counts as lost", ANSWER_TIMEOUT.as_secs())]
    Timeout {
        /// The function that was called.
        call: &'static str,
    },
}

impl DatabaseError {
    /// What the server said, if it said anything.
    pub(crate) fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Connect { source, .. } | Self::Call { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Whether the server refuses the content of the statement, so that the same content will be refused again: data
    /// exception (class 22) or constraint violation (class 23).
    pub(crate) fn is_about_content(&self) -> bool {
        self.sqlstate()
            .is_some_and(|state| matches!(state.code().get(..2), Some("22" | "23")))
    }
}

/// How to open a session; shared by all that need one.
pub(crate) struct Database {
    connection: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    place: String,
    /// Whether a pooler in transaction mode is in the path, once that is known.
    pooled: OnceLock<bool>,
}

/// An open session and the task that drives it. Dropping it closes the session.
pub(crate) struct Session {
    /// Takes the statements.
    pub(crate) client: Client,
    /// Behind a pooler in transaction mode: what begins the transaction that each statement needs then, since nothing of a
    /// session lasts longer.
    pub(crate) begin: Option<String>,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Returns when the connection has ended, for whatever reason.
    pub(crate) async fn ended(&mut self) {
        // Both ways of ending, by itself or by a panic, mean the same to the caller.
        if (&mut self.driver).await.is_err() {
            tracing::error!("the task of a database connection panicked");
        }
    }
}

impl Database {
    /// Completes the connection settings and loads certificates. A problem is about the CA file or the system's store.
    pub(crate) fn new(config: &DatabaseConfig) -> Result<Self, Problem> {
        let mut connection = config.connection.clone();
        connection.application_name("herald").keepalives(true);
        if connection.get_keepalives_idle() == tokio_postgres::Config::new().get_keepalives_idle() {
            connection.keepalives_idle(Duration::from_secs(5));
        }
        if connection.get_keepalives_interval().is_none() {
            connection.keepalives_interval(Duration::from_secs(2));
        }
        if connection.get_keepalives_retries().is_none() {
            connection.keepalives_retries(2);
        }
        if connection.get_tcp_user_timeout().is_none() {
            connection.tcp_user_timeout(Duration::from_secs(6));
        }
        if connection.get_connect_timeout().is_none() {
            connection.connect_timeout(TCP_TIMEOUT);
        }
        let tls = match connection.get_ssl_mode() {
            SslMode::Require => Some(MakeRustlsConnect::new(tls::config(config)?)),
            _ => None,
        };
        let place = place(&connection);
        Ok(Self {
            connection,
            tls,
            place,
            pooled: OnceLock::new(),
        })
    }

    /// Hosts and database, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Whether sessions are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether a pooler in transaction mode is in the path, as far as known: LISTEN does not work then.
    pub(crate) fn is_pooled(&self) -> bool {
        self.pooled.get().copied().unwrap_or(false)
    }

    /// Opens a session and prepares it: `statement_timeout` of 7 s, and the extension's schema on the search path.
    /// `wake` is notified for every NOTIFY that arrives. Hosts are tried in the order given; `shuffle` takes any order,
    /// for the case that the first one accepts connections and then says nothing.
    pub(crate) async fn connect(
        &self,
        wake: Option<Arc<Wake>>,
        shuffle: bool,
    ) -> Result<Session, DatabaseError> {
        let hosts = self
            .connection
            .get_hosts()
            .len()
            .max(self.connection.get_hostaddrs().len());
        let after = CONNECT_TIMEOUT * u32::try_from(hosts.clamp(1, 4)).unwrap_or(1);
        let opened = tokio::time::timeout(after, self.open(wake, shuffle)).await;
        opened.unwrap_or_else(|_| {
            Err(DatabaseError::ConnectTimeout {
                place: self.place.clone(),
                after,
            })
        })
    }

    async fn open(&self, wake: Option<Arc<Wake>>, shuffle: bool) -> Result<Session, DatabaseError> {
        let mut session = self.raw(wake, shuffle).await?;
        let pooled = match self.pooled.get() {
            Some(pooled) => *pooled,
            None => {
                let pooled = self.probe(&session.client, shuffle).await?;
                if pooled && self.pooled.set(true).is_ok() {
                    tracing::warn!(
                        "a pooler in transaction mode is in the path to Postgres: LISTEN does not work through it, so work is \
                         found by polling; name Postgres itself in DATABASE_URL to be woken up"
                    );
                }
                *self.pooled.get_or_init(|| pooled)
            }
        };
        let statement = if pooled {
            store::FIND_EXTENSION
        } else {
            store::PREPARE_SESSION
        };
        let prepared = session
            .client
            .query_typed(statement, &[])
            .await
            .map_err(|source| self.failed(source))?;
        let Some(row) = prepared.first() else {
            return Err(DatabaseError::NoExtension {
                place: self.place.clone(),
            });
        };
        if pooled {
            let begin = row.try_get(0).map_err(|source| self.failed(source))?;
            session.begin = Some(begin);
        }
        Ok(session)
    }

    fn failed(&self, source: tokio_postgres::Error) -> DatabaseError {
        DatabaseError::Connect {
            place: self.place.clone(),
            source,
        }
    }

    /// A session as the server gives it.
    async fn raw(&self, wake: Option<Arc<Wake>>, shuffle: bool) -> Result<Session, DatabaseError> {
        let failed = |source| self.failed(source);
        let mut config = self.connection.clone();
        if shuffle {
            config.load_balance_hosts(LoadBalanceHosts::Random);
        }
        Ok(match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(failed)?;
                Session {
                    client,
                    begin: None,
                    driver: tokio::spawn(drive(connection, wake)),
                }
            }
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                Session {
                    client,
                    begin: None,
                    driver: tokio::spawn(drive(connection, wake)),
                }
            }
        })
    }

    /// Whether a pooler in transaction mode is in the path. Such a one gives each transaction the server session that was
    /// used last: while a second client holds that one in a transaction, the first gets another, or has to wait.
    async fn probe(&self, first: &Client, shuffle: bool) -> Result<bool, DatabaseError> {
        let second = self.raw(None, shuffle).await?;
        let failed = |source| self.failed(source);
        let before = backend(first).await.map_err(failed)?;
        second.client.batch_execute("BEGIN").await.map_err(failed)?;
        backend(&second.client).await.map_err(failed)?;
        let after = tokio::time::timeout(PROBE_TIMEOUT, backend(first)).await;
        second
            .client
            .batch_execute("ROLLBACK")
            .await
            .map_err(failed)?;
        match after {
            Ok(after) => Ok(after.map_err(failed)? != before),
            Err(_) => Ok(true),
        }
    }
}

/// Process id of the server session that answers.
async fn backend(client: &Client) -> Result<i32, tokio_postgres::Error> {
    let rows = client.query_typed(store::BACKEND, &[]).await?;
    rows.first().map_or(Ok(0), |row| row.try_get(0))
}

/// Drives a connection and empties its socket until it ends. Does nothing else, so that the server's NOTIFY queue
/// never waits for us.
async fn drive<S, T>(mut connection: Connection<S, T>, wake: Option<Arc<Wake>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match (message, &wake) {
            (Ok(AsyncMessage::Notification(_)), Some(wake)) => wake.all(),
            (Ok(AsyncMessage::Notice(notice)), _) => {
                tracing::debug!(notice = notice.message(), "Postgres notice");
            }
            (Ok(_), _) => {}
            (Err(error), _) => {
                tracing::debug!(error = chain(&error), "database connection ended");
                return;
            }
        }
    }
}

fn place(config: &tokio_postgres::Config) -> String {
    use tokio_postgres::config::Host;
    let named = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config
            .get_hostaddrs()
            .iter()
            .map(ToString::to_string)
            .collect(),
        _ => named.collect(),
    };
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    let port = if ports.is_empty() {
        "5432".to_owned()
    } else {
        ports.join(",")
    };
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("{} port {port} database {database}", hosts.join(","))
}
