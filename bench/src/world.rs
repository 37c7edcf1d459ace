//! A throw-away cluster as `initdb` makes it, with pg_herald in a database, and the sink in Twilio's place.

use crate::sink::Sink;
use herald_tests::cluster::{Cluster, ClusterOptions};
use herald_tests::daemon::Daemon;
use herald_tests::simulator::TwilioAccount;
use herald_tests::stack::{self, DATABASE, DISPATCHER};
use herald_tests::{Explain, Outcome};
use std::path::{Path, PathBuf};
use tokio_postgres::Client;

/// What every cluster here is started with: fsync and all the rest are Postgres' own defaults.
const SETTINGS: [&str; 2] = ["shared_buffers = 128MB", "max_prepared_transactions = 0"];

/// A cluster with pg_herald installed, and a provider.
pub(crate) struct World {
    /// A connection as the superuser, who owns the tables.
    pub(crate) client: Client,
    /// What answers in Twilio's place.
    pub(crate) sink: Sink,
    /// The account that the daemon has there.
    pub(crate) account: TwilioAccount,
    /// The cluster; last, because the others use it.
    pub(crate) cluster: Cluster,
    dispatcher_password: String,
}

impl World {
    /// Starts one with default durability.
    pub(crate) async fn start() -> Outcome<World> {
        World::with(None, &[]).await
    }

    /// Starts one with more settings.
    pub(crate) async fn with_settings(settings: &[&str]) -> Outcome<World> {
        World::with(None, settings).await
    }

    /// Starts one whose server loads a library before all others.
    pub(crate) async fn with_preload(library: Option<PathBuf>) -> Outcome<World> {
        World::with(library, &[]).await
    }

    async fn with(preload: Option<PathBuf>, more: &[&str]) -> Outcome<World> {
        let cluster = Cluster::start(&ClusterOptions {
            fsync: true,
            settings: SETTINGS
                .iter()
                .chain(more)
                .map(|line| (*line).to_string())
                .collect(),
            preload,
            ..ClusterOptions::for_tests()?
        })?;
        cluster.create_database(DATABASE).await?;
        let client = cluster.connect(DATABASE).await?;
        stack::install(&client).await?;
        let dispatcher_password = format!("{:032x}", rand::random::<u128>());
        stack::create_role(
            &client,
            DISPATCHER,
            &dispatcher_password,
            Some("dispatcher"),
        )
        .await?;
        Ok(World {
            client,
            sink: Sink::start()?,
            account: TwilioAccount::random(),
            cluster,
            dispatcher_password,
        })
    }

    /// A daemon for this database and sink, not started yet, with all defaults.
    pub(crate) fn daemon(&self) -> Outcome<Daemon> {
        let url = self
            .cluster
            .url_as(DISPATCHER, &self.dispatcher_password, DATABASE);
        Daemon::at(
            &url,
            &self.sink.url,
            &self.account,
            self.cluster.directory(),
        )
    }

    /// A second connection as the superuser.
    pub(crate) async fn connect(&self) -> Outcome<Client> {
        self.cluster.connect(DATABASE).await
    }

    /// The first column of the only row of a query.
    pub(crate) async fn value<T>(&self, query: &str) -> Outcome<T>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        Ok(self.client.query_one(query, &[]).await?.try_get(0)?)
    }

    /// Runs statements one after the other.
    pub(crate) async fn run(&self, statements: &str) -> Outcome<()> {
        Ok(self.client.batch_execute(statements).await?)
    }

    /// Cleans tables and counts them anew. A statement of its own each: VACUUM wants no transaction around it.
    pub(crate) async fn vacuum(&self, tables: &[&str]) -> Outcome<()> {
        for table in tables {
            self.run(&format!("vacuum analyze {table}")).await?;
        }
        Ok(())
    }

    /// Writes out what is dirty, so that the next run does not pay for the one before.
    pub(crate) async fn checkpoint(&self) -> Outcome<()> {
        self.run("checkpoint").await
    }

    /// Forgets all events with everything that followed, so that each run begins alike.
    pub(crate) async fn forget_events(&self) -> Outcome<()> {
        self.run(
            "truncate herald.notification_events, herald.notification_deliveries, herald.sms_messages, herald.queue_jobs, \
                 herald.sms_send_attempts, herald.dispatch_batches, herald.twilio_callbacks, herald.user_notifications; checkpoint",
        )
        .await
    }

    /// Writes a file into the cluster's directory; it goes with it.
    pub(crate) fn file(&self, name: &str, content: &str) -> Outcome<PathBuf> {
        let path = self.cluster.directory().join(name);
        std::fs::write(&path, content).explain(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The cluster's own directory.
    pub(crate) fn directory(&self) -> &Path {
        self.cluster.directory()
    }
}
