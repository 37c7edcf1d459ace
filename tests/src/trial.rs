//! One fault, tried on a stack of its own: quick settings, people, load, the wait for everything to settle, the judgement.

use crate::checker::{self, Figures};
use crate::cluster::{Cluster, run};
use crate::daemon::Daemon;
use crate::failure::{Failure, Outcome};
use crate::figures::{self, Row};
use crate::load::{Emitted, Load, LoadOptions, TABLES};
use crate::people::{self, User, phone_number};
use crate::stack::{DATABASE, Stack, StackOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::ops::Range;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// The role of the application.
const APPLICATION: &str = "shop";

/// People who are texted; few enough for equal texts to one number to be on their way at once.
const PEOPLE: u32 = 40;

/// Everything that takes minutes against Twilio takes seconds here. The order matters: what is allowed depends on the others.
const QUICK: &[(&str, u32)] = &[
    ("late_acceptance_seconds", 4),
    ("listing_lag_seconds", 0),
    ("listing_gap_seconds", 1),
    ("clock_skew_seconds", 0),
    ("decision_wait_seconds", 6),
    ("stale_poll_first_seconds", 2),
    ("stale_poll_second_seconds", 4),
    ("stale_poll_third_seconds", 6),
    ("stale_end_seconds", 8),
];

/// Lease in a trial, in seconds: below what the settings allow, so that a killed daemon's work is free soon.
pub const LEASE: Duration = Duration::from_secs(10);

/// Whether the long form is asked for: `HERALD_FAULTS=long`.
pub fn is_long() -> bool {
    std::env::var("HERALD_FAULTS").is_ok_and(|form| form == "long")
}

/// A fault on trial.
pub struct Trial {
    /// Database, simulator and the first daemon, which is not started by itself.
    pub stack: Stack,
    /// Who is texted.
    pub people: Vec<User>,
    /// What all chance comes from; `HERALD_FAULTS_SEED` gives one again.
    pub seed: u64,
    /// Chance.
    pub dice: StdRng,
    fault: String,
    policy: Option<&'static str>,
    started: Instant,
    application_password: String,
}

impl Trial {
    /// Everything but a running daemon. `fault` is the name in the table.
    pub async fn prepare(fault: &str) -> Outcome<Trial> {
        // Callbacks come when the answer has long been read, or the daemon has long been killed.
        let delays = [
            "--delay-queued-ms",
            "50",
            "--delay-sent-ms",
            "200",
            "--delay-delivered-ms",
            "200",
        ];
        let options = StackOptions {
            start_daemon: false,
            simulator: delays.map(String::from).to_vec(),
            ..StackOptions::for_tests()?
        };
        Trial::prepare_with(fault, options).await
    }

    /// The same on a stack with other options.
    pub async fn prepare_with(fault: &str, options: StackOptions) -> Outcome<Trial> {
        let seed = match std::env::var("HERALD_FAULTS_SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => rand::random(),
        };
        println!("{fault}: HERALD_FAULTS_SEED={seed}");
        let started = Instant::now();
        let mut stack = Stack::with(options).await?;
        be_quick(&stack.client).await?;
        hurry(&mut stack.daemon);
        stack.client.batch_execute(TABLES).await?;
        let application_password = stack.add_role(APPLICATION, Some("app")).await?;
        let rights = format!("grant insert on public.orders to {APPLICATION}");
        stack.client.batch_execute(&rights).await?;
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            people.push(people::add_user(&stack.client, &phone_number(n)).await?);
        }
        let subscribe = "insert into herald.notification_subscriptions (user_id, event_type) \
                         select user_id, 'order.placed' from herald.user_sms_preferences";
        stack.client.batch_execute(subscribe).await?;
        Ok(Trial {
            stack,
            people,
            seed,
            dice: StdRng::seed_from_u64(seed),
            fault: fault.to_owned(),
            policy: None,
            started,
            application_password,
        })
    }

    /// Sets what is done about doubts; the row goes into the comparison then.
    pub async fn set_policy(&mut self, policy: &'static str) -> Outcome<()> {
        self.policy = Some(policy);
        let query = "update herald.notification_event_types set unknown_policy = $1 where event_type = 'order.placed'";
        self.stack.client.execute(query, &[&policy]).await?;
        Ok(())
    }

    /// Longer time-outs, for trials in which no request may time out, however busy the machine is. Before the daemon starts.
    pub async fn be_patient(&mut self) -> Outcome<()> {
        let daemon = &mut self.stack.daemon;
        daemon.set("HERALD_REQUEST_TIMEOUT_SECONDS", "10");
        set(&self.stack.client, &[("lease_seconds", 25)]).await
    }

    /// How often, in the form that is asked for.
    pub fn scale(&self, short: u32, long: u32) -> u32 {
        if is_long() { long } else { short }
    }

    /// A random time, in milliseconds.
    pub fn random_ms(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.dice.random_range(range))
    }

    /// The application's connection URL.
    pub fn app_url(&self) -> String {
        self.app_url_at(&self.stack.cluster)
    }

    /// The application's connection URL for another cluster that has its role.
    pub fn app_url_at(&self, cluster: &Cluster) -> String {
        cluster.url_as(APPLICATION, &self.application_password, DATABASE)
    }

    /// Starts the application's writers.
    pub fn load(&mut self, options: LoadOptions) -> Load {
        let url = self.app_url();
        self.load_at(&url, options)
    }

    /// Starts the application's writers, who connect by this URL.
    pub fn load_at(&mut self, url: &str, options: LoadOptions) -> Load {
        Load::start(url, &self.people, options, &mut self.dice)
    }

    /// A daemon for a database of any cluster that has this one's roles; it does not know that database.
    pub fn stranger(&self, cluster: &Cluster, database: &str) -> Outcome<Daemon> {
        let mut daemon = self.stack.another_daemon(cluster, database)?;
        hurry(&mut daemon);
        Ok(daemon)
    }

    /// Another daemon for the same database, ready to be started.
    pub fn another_daemon(&self) -> Outcome<Daemon> {
        let daemon = self.stranger(&self.stack.cluster, DATABASE)?;
        run(&mut daemon.command(&["arm", "--join"])?)?;
        Ok(daemon)
    }

    /// Waits until every message has come to its end. Retries and breakers are pulled forward, leases and doubts take
    /// their time.
    pub async fn settle(&self) -> Outcome<()> {
        let limit = Duration::from_secs(if is_long() { 600 } else { 120 });
        let query = "select not exists (select from herald.dispatch_batches) and not exists (select from herald.queue_jobs) \
                     and not exists (select from herald.sms_send_attempts where resolve_at is not null) \
                     and not exists (select from herald.sms_messages \
                         where status not in ('delivered', 'undelivered', 'failed', 'cancelled'))";
        self.stack
            .wait_until("every text has come to its end", limit, async || {
                self.hasten().await?;
                tokio::time::sleep(Duration::from_millis(250)).await;
                self.stack.value::<bool>(query).await
            })
            .await
            .map_err(|failure| self.explained(failure))
    }

    /// Everything that waits for a time is due now, and every pause is over. Of what was being found out by a
    /// daemon that has gone, another takes care at once, not after two minutes (Twilio's list) or five (one message).
    pub async fn hasten(&self) -> Outcome<()> {
        self.stack
            .client
            .batch_execute(
                "update herald.breakers b set resume_at = now() \
                     from (select id from herald.breakers where closed_at is null and resume_at > now() for update skip locked) free \
                     where b.id = free.id; \
                 update herald.queue_jobs q set run_at = now() \
                     from (select subject_id from herald.queue_jobs where run_at > now() for update skip locked) free \
                     where q.subject_id = free.subject_id; \
                 update herald.sms_send_attempts a set resolve_at = now() \
                     from (select message_id, attempt from herald.sms_send_attempts \
                           where resolve_at > now() and resolve_claim is not null \
                             and resolve_claimed_at < now() - interval '10 seconds' for update skip locked) free \
                     where a.message_id = free.message_id and a.attempt = free.attempt; \
                 update herald.sms_send_attempts a set poll_at = now() \
                     from (select message_id, attempt from herald.sms_send_attempts \
                           where poll_at between now() + interval '1 minute' and now() + interval '290 seconds' \
                           for update skip locked) free \
                     where a.message_id = free.message_id and a.attempt = free.attempt",
            )
            .await?;
        Ok(())
    }

    /// What the ledger and the simulator's log say; asserts nothing.
    pub async fn figures(&self, emitted: &Emitted) -> Outcome<Figures> {
        checker::check(&self.stack.client, &self.stack.simulator, emitted).await
    }

    /// Adds the row to the table.
    pub fn record(&self, figures: &Figures, injected: u32, note: Option<String>) -> Outcome<()> {
        figures::append(&Row {
            fault: self.fault.clone(),
            policy: self.policy.map(str::to_owned),
            messages: figures.committed,
            injected: usize::try_from(injected)?,
            twice: figures.twice,
            lost: figures.lost,
            given_up: figures.given_up,
            doubts: figures.doubts(),
            left: figures.left,
            seconds: self.started.elapsed().as_secs(),
            note,
        })
    }

    /// Checks everything, adds the row, and fails if a promise was not kept: nothing twice, nothing lost, nothing given up.
    pub async fn judge(&self, emitted: &Emitted, injected: u32) -> Outcome<Figures> {
        let figures = self.figures(emitted).await?;
        self.record(&figures, injected, None)?;
        self.must_be_kept(&figures, 0).await?;
        Ok(figures)
    }

    /// Fails if a promise was not kept. `given_up` texts must have ended with a stated reason.
    pub async fn must_be_kept(&self, figures: &Figures, given_up: usize) -> Outcome<()> {
        if figures.committed == 0 {
            return Err(self.explained(Failure::new("nothing was emitted")));
        }
        if figures.is_kept() && figures.given_up == given_up {
            return Ok(());
        }
        Err(self.explained(Failure::new(format!(
            "a promise was not kept ({given_up} may have been given up): {figures:#?}\n{}",
            self.stack.report().await
        ))))
    }

    /// A failure with what is needed to see it again.
    pub fn explained(&self, failure: Failure) -> Failure {
        Failure::new(format!(
            "{}: HERALD_FAULTS_SEED={} gives the same chances again\n{failure}",
            self.fault, self.seed
        ))
    }
}

/// The quick settings, for a database whose daemons have not been started yet.
async fn be_quick(client: &Client) -> Outcome<()> {
    let lease = format!(
        "update herald.settings set minimum = 1, value = '{}' where name = 'lease_seconds'",
        LEASE.as_secs()
    );
    client.batch_execute(&lease).await?;
    set(client, QUICK).await
}

/// Changes settings, in this order.
pub async fn set(client: &Client, settings: &[(&str, u32)]) -> Outcome<()> {
    for (name, seconds) in settings {
        let value = serde_json::Value::from(*seconds);
        client
            .execute("select herald_set_setting($1, $2)", &[name, &value])
            .await?;
    }
    Ok(())
}

/// A daemon that suits them.
fn hurry(daemon: &mut Daemon) {
    daemon.set("HERALD_REQUEST_TIMEOUT_SECONDS", "2");
}
