//! All parts together, and the sentences tests are written in.

use crate::cluster::{Cluster, ClusterOptions, connect};
use crate::daemon::Daemon;
use crate::failure::{Failure, Outcome};
use crate::people::{self, User};
use crate::process::{POLL, tail};
use crate::simulator::Simulator;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use uuid::Uuid;

/// How long a test waits for something that normally takes less than a second.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The database everything is in.
pub const DATABASE: &str = "app";

/// The role the daemon connects as: it has the grant `dispatcher` and nothing else.
pub const DISPATCHER: &str = "herald_dispatcher";

/// What a stack is started with.
pub struct StackOptions {
    /// The cluster.
    pub cluster: ClusterOptions,
    /// More arguments for the simulator.
    pub simulator: Vec<String>,
    /// Whether the daemon is started at once.
    pub start_daemon: bool,
}

impl StackOptions {
    /// What most tests want: everything running, with the simulator's quickest callbacks.
    pub fn for_tests() -> Outcome<StackOptions> {
        let delays = [
            "--delay-queued-ms",
            "2",
            "--delay-sent-ms",
            "10",
            "--delay-delivered-ms",
            "30",
        ];
        Ok(StackOptions {
            cluster: ClusterOptions::for_tests()?,
            simulator: delays.map(String::from).to_vec(),
            start_daemon: true,
        })
    }
}

/// A database with pg_herald installed, the simulator and the daemon. Dropping it ends and removes everything.
pub struct Stack {
    /// A connection as the superuser, who owns the tables.
    pub client: Client,
    /// The daemon.
    pub daemon: Daemon,
    /// The simulator.
    pub simulator: Simulator,
    /// The cluster; last, because the others use it.
    pub cluster: Cluster,
    dispatcher_password: String,
}

impl Stack {
    /// Starts everything.
    pub async fn start() -> Outcome<Stack> {
        Stack::with(StackOptions::for_tests()?).await
    }

    /// Starts everything but the daemon.
    pub async fn without_daemon() -> Outcome<Stack> {
        Stack::with(StackOptions {
            start_daemon: false,
            ..StackOptions::for_tests()?
        })
        .await
    }

    /// Starts what the options say.
    pub async fn with(options: StackOptions) -> Outcome<Stack> {
        let cluster = Cluster::start(&options.cluster)?;
        let simulator = Simulator::start(cluster.directory(), &options.simulator).await?;
        cluster.create_database(DATABASE).await?;
        let client = cluster.connect(DATABASE).await?;
        install(&client).await?;
        let password = format!("{:032x}", rand::random::<u128>());
        create_role(&client, DISPATCHER, &password, Some("dispatcher")).await?;
        let url = cluster.url_as(DISPATCHER, &password, DATABASE);
        let mut daemon = Daemon::new(&url, &simulator, cluster.directory())?;
        if options.start_daemon {
            daemon.start().await?;
        }
        Ok(Stack {
            client,
            daemon,
            simulator,
            cluster,
            dispatcher_password: password,
        })
    }

    /// Another daemon, not started yet, for a database of any cluster that has this stack's roles, with the same simulator.
    pub fn another_daemon(&self, cluster: &Cluster, database: &str) -> Outcome<Daemon> {
        let url = cluster.url_as(DISPATCHER, &self.dispatcher_password, database);
        Daemon::new(&url, &self.simulator, cluster.directory())
    }

    /// The daemon's connection URL for a database of this cluster.
    pub fn dispatcher_url(&self, database: &str) -> String {
        self.cluster
            .url_as(DISPATCHER, &self.dispatcher_password, database)
    }

    /// A second connection as the superuser.
    pub async fn connect(&self) -> Outcome<Client> {
        self.cluster.connect(DATABASE).await
    }

    /// Makes a login role with one of pg_herald's grants (or none) and connects as it.
    pub async fn connect_as_new_role(&self, name: &str, grant: Option<&str>) -> Outcome<Client> {
        let password = self.add_role(name, grant).await?;
        connect(&self.cluster.url_as(name, &password, DATABASE)).await
    }

    /// Makes a login role with one of pg_herald's grants (or none); returns its password.
    pub async fn add_role(&self, name: &str, grant: Option<&str>) -> Outcome<String> {
        let password = format!("{:032x}", rand::random::<u128>());
        create_role(&self.client, name, &password, grant).await?;
        Ok(password)
    }

    /// Adds a user with a verified number who is subscribed to [`people::EVENT_TYPE`]. Numbers differ by `n`.
    pub async fn seed_user(&self, n: u32) -> Outcome<User> {
        people::add_user(&self.client, &people::phone_number(n)).await
    }

    /// Emits an event to a user, in a transaction of its own; `task` is in the text. Returns the event's id.
    pub async fn emit(&self, user: &User, task: &str) -> Outcome<Uuid> {
        emit(&self.client, user, task).await
    }

    /// The first column of the only row of a query.
    pub async fn value<T>(&self, query: &str) -> Outcome<T>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        Ok(self.client.query_one(query, &[]).await?.try_get(0)?)
    }

    /// Waits until a query that gives one boolean gives true; otherwise fails with the rows and logs.
    pub async fn wait_for_sql(&self, what: &str, query: &str) -> Outcome<()> {
        self.wait_until(what, PATIENCE, async || self.value::<bool>(query).await)
            .await
    }

    /// Waits until a condition holds; otherwise fails with the rows and logs.
    pub async fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        condition: impl AsyncFn() -> Outcome<bool>,
    ) -> Outcome<()> {
        let deadline = Instant::now() + limit;
        while !condition().await? {
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "not within {limit:?}: {what}\n{}",
                    self.report().await
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until every message is in a status where only a person can move it on, and every answer is written down.
    pub async fn wait_until_settled(&self) -> Outcome<()> {
        let query = "select not exists (select from herald.dispatch_batches) \
                     and not exists (select from herald.sms_messages \
                         where status not in ('unknown', 'delivered', 'undelivered', 'failed', 'cancelled'))";
        self.wait_for_sql("every message settled", query).await
    }

    /// Waits until every message has been sent or given up, or is in doubt: none waits for a daemon any more.
    pub async fn wait_until_nothing_waits(&self) -> Outcome<()> {
        let query = "select not exists (select from herald.sms_messages where status in ('scheduled', 'pending', 'queued'))";
        self.wait_for_sql("nothing waits any more", query).await
    }

    /// Lets the leases of a daemon that was killed run out now instead of after `lease_seconds`.
    pub async fn expire_leases(&self) -> Outcome<()> {
        // What it had sent to Postgres is still carried out, and may claim or renew.
        let ended =
            "select not exists (select from pg_stat_activity where application_name = 'herald')";
        self.wait_for_sql("the sessions of the killed daemon have ended", ended)
            .await?;
        self.end_leases_now().await
    }

    /// Ends all leases, whoever holds them.
    pub async fn end_leases_now(&self) -> Outcome<()> {
        self.client
            .execute(
                "update herald.dispatch_batches set lease_until = now() - interval '1 second'",
                &[],
            )
            .await?;
        Ok(())
    }

    /// Ends the waits of the protocol now: what is in doubt is looked for at once (a first absence lies long enough
    /// behind), and Twilio is asked about silent texts.
    pub async fn hasten_resolution(&self) -> Outcome<()> {
        self.client
            .execute(
                "update herald.sms_send_attempts \
                 set resolve_at = case when resolve_at is not null then now() end, absent_at = absent_at - interval '1 hour', \
                     poll_at = case when poll_at is not null then now() end",
                &[],
            )
            .await?;
        Ok(())
    }

    /// What is in the tables and the logs, for the report of a failure.
    pub async fn report(&self) -> String {
        let tables = [
            "select status, count(*), min(left(message_content, 40)) as example from herald.sms_messages group by status",
            "select status, suppress_reason, count(*) from herald.notification_deliveries group by 1, 2",
            "select status, problems, count(*) from herald.notification_events group by 1, 2",
            "select job_type, run_at - now() as due_in, attempt from herald.queue_jobs limit 5",
            "select worker, lease_until - now() as lease, open_messages from herald.dispatch_batches limit 5",
            "select outcome, reason, error_code, count(*) from herald.sms_send_attempts group by 1, 2, 3",
            "select message_status, result, count(*) from herald.twilio_callbacks group by 1, 2",
        ];
        let mut report = String::new();
        for table in tables {
            let query =
                format!("select coalesce(string_agg(t::text, ' '), '(no rows)') from ({table}) t");
            let rows = self
                .value::<String>(&query)
                .await
                .unwrap_or_else(|failure| failure.to_string());
            report.push_str(&format!("  {table}\n    {rows}\n"));
        }
        for (name, log) in [
            ("herald", self.daemon.log().to_path_buf()),
            ("simulator", self.cluster.directory().join("simulator.log")),
            ("postgres", self.cluster.log()),
        ] {
            report.push_str(&format!("--- log of {name}\n{}\n", tail(&log, 30)));
        }
        report
    }
}

/// Creates the extension and its tables.
pub async fn install(client: &Client) -> Outcome<()> {
    client.batch_execute("create extension pg_herald; select herald_install()").await.map_err(|error| {
        let failure = Failure::from(error);
        Failure::new(format!("{failure}\n(is pg_herald installed in the private Postgres? `./dev test e2e` does it)"))
    })
}

/// Makes a login role; `grant` is what `herald_grant` takes.
pub async fn create_role(
    client: &Client,
    name: &str,
    password: &str,
    grant: Option<&str>,
) -> Outcome<()> {
    client
        .batch_execute(&format!("create role {name} login password '{password}'"))
        .await?;
    if let Some(grant) = grant {
        client
            .batch_execute(&format!("select herald_grant('{grant}', '{name}')"))
            .await?;
    }
    Ok(())
}

/// Emits an event to a user through this connection; see [`Stack::emit`].
pub async fn emit(client: &Client, user: &User, task: &str) -> Outcome<Uuid> {
    let row = client
        .query_one(
            "select emit_notification_event(event_type => $1, target_user_id => $2, \
                 payload => jsonb_build_object('task_name', $3::text, 'due_time', '5 pm'))",
            &[&people::EVENT_TYPE, &user.id, &task],
        )
        .await?;
    Ok(row.try_get(0)?)
}
