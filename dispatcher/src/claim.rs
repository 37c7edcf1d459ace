//! The main loop: claims what is due, keeps the leases, spreads broadcasts, and feeds the watchdog each time round.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::armed;
use crate::boottime::BootTime;
use crate::breakers::Breakers;
use crate::database::DatabaseError;
use crate::error::chain;
use crate::failpoints;
use crate::health::Health;
use crate::inflight::InFlight;
use crate::journal::Journal;
use crate::leases::Leases;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::protocol::gate::write_budget;
use crate::records::Hello;
use crate::send::Job;
use crate::shutdown::Shutdown;
use crate::state::StateDir;
use crate::store;
use crate::systemd::Systemd;
use crate::wake::Wake;

/// Oldest tables that this daemon works with.
pub(crate) const OLDEST_SCHEMA: i32 = 7;
/// A clock that differs by more is worth a warning. Deadlines do not depend on it: they are Postgres' own.
const CLOCK_TOLERANCE_SECONDS: f64 = 2.0;
/// How often it is asked whether a broadcast waits.
const FAN_OUT_EVERY: Duration = Duration::from_millis(100);
/// Events that are fanned out in one transaction; one with more recipients than a chunk holds is the last of them.
const FAN_OUT_EVENTS: i32 = 1000;
/// systemd hears READY at the latest this long after the database is there, if LISTEN does not come about.
const LISTEN_PATIENCE: Duration = Duration::from_secs(5);
/// Results from the journal in one transaction.
const REPLAY: usize = 100;
/// Longest wait for Postgres while stopping, so that the last written result is noticed.
const RETRY_WHEN_STOPPING: Duration = Duration::from_millis(200);
/// How often an idle daemon claims although nothing is due: that it may is seen by doing it.
const CLAIM_EVERY: Duration = Duration::from_secs(5);
/// How often it is asked whether this is still the database that was armed; and how far its WAL has come is remembered.
const CONFIRM_EVERY: Duration = Duration::from_secs(30);
/// Longest wait for something that is announced, such as a free slot.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What the main loop is made of.
pub(crate) struct Parts {
    /// Its own connection.
    pub(crate) link: Link,
    /// This process.
    pub(crate) worker: Uuid,
    /// Requests at the same time.
    pub(crate) concurrency: usize,
    /// Longest time of a request.
    pub(crate) request_timeout: Duration,
    /// Where what the installation says is made known.
    pub(crate) hello: watch::Sender<Option<Hello>>,
    /// Where claimed texts go; `None` once the daemon is stopping.
    pub(crate) jobs: Option<mpsc::UnboundedSender<Job>>,
    /// What this process holds.
    pub(crate) in_flight: Arc<InFlight>,
    /// Notified when there may be work.
    pub(crate) wake: Arc<Wake>,
    /// Told that we come round.
    pub(crate) health: Arc<Health>,
    /// Counts of what is done here.
    pub(crate) metrics: Arc<Metrics>,
    /// What this daemon remembers of its database.
    pub(crate) state: StateDir,
    /// Where it is made known whether sending is armed for the database.
    pub(crate) armed: watch::Sender<bool>,
    /// Whether the daemon is stopping.
    pub(crate) shutdown: Shutdown,
}

/// The main loop.
pub(crate) struct MainLoop {
    parts: Parts,
    lease: Duration,
    /// Session that was greeted, and when.
    greeted: Option<(u64, Instant)>,
    systemd: Systemd,
    pace: Pace,
    leases: Leases,
    breakers: Breakers,
    fan_out_at: Instant,
    confirm_at: Instant,
    claim_at: Instant,
    /// Nobody said that there is work: the last wait went by.
    unasked: bool,
    /// What an earlier process left in the journal is written.
    replayed: bool,
}

/// What to wait for before the next round.
enum Next {
    /// More may be due: at once.
    Now,
    /// A free slot or a written result.
    Room,
    /// A hint, or this time.
    Hint(Duration),
    /// Postgres, this long.
    Retry(Duration),
}

impl MainLoop {
    /// Ready to run.
    pub(crate) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        Self {
            parts,
            lease: Duration::ZERO,
            greeted: None,
            systemd: Systemd::default(),
            pace: Pace::default(),
            leases: Leases::new(now),
            breakers: Breakers::default(),
            fan_out_at: now,
            confirm_at: now,
            claim_at: now,
            unasked: false,
            replayed: false,
        }
    }

    /// Works until the daemon stops and everything claimed has its result in the database.
    pub(crate) async fn run(mut self) {
        loop {
            self.tick();
            if self.parts.shutdown.is_stopping() {
                self.parts.jobs = None;
                if self.parts.in_flight.is_empty() {
                    return;
                }
            }
            let next = match self.round().await {
                Ok(next) => {
                    self.parts.health.set_refusal(None);
                    next
                }
                Err(error) => Next::Retry(self.failed(&error)),
            };
            self.wait(next).await;
        }
    }

    fn tick(&mut self) {
        let counts = self.parts.in_flight.counts();
        let connected = self.is_greeted();
        self.parts.health.tick();
        self.parts.metrics.set_connected(connected);
        self.parts
            .metrics
            .set_held(counts.sending, counts.unwritten);
        self.systemd
            .tick(connected, counts.sending, counts.finished);
        let patient = self
            .greeted
            .is_none_or(|(_, at)| at.elapsed() < LISTEN_PATIENCE);
        if connected && (self.parts.health.is_listening() || !patient) {
            self.systemd.ready();
        }
    }

    fn is_greeted(&self) -> bool {
        let generation = self.parts.link.generation();
        self.parts.link.is_open()
            && self
                .greeted
                .is_some_and(|(greeted, _)| greeted == generation)
    }

    async fn wait(&mut self, next: Next) {
        let stopping = self.parts.shutdown.is_stopping();
        let (time, hints, room) = match next {
            Next::Now => return,
            Next::Room => (LONGEST_WAIT, false, true),
            Next::Hint(time) => (time, true, stopping),
            Next::Retry(time) if stopping => (time.min(RETRY_WHEN_STOPPING), false, false),
            Next::Retry(time) => (time, false, false),
        };
        self.unasked = false;
        tokio::select! {
            () = sleep(time) => self.unasked = hints,
            () = self.parts.wake.sending.notified(), if hints => self.pace.woken(Instant::now()),
            () = self.parts.in_flight.changed(), if room => {}
            () = self.parts.shutdown.begun(), if !stopping => {}
        }
    }

    fn failed(&mut self, error: &DatabaseError) -> Duration {
        let delay = self.parts.link.retry_delay();
        tracing::warn!(
            sqlstate = error.sqlstate().map(SqlState::code),
            retry_in_ms = delay.as_millis(),
            error = chain(error),
            "no work can be claimed"
        );
        self.parts
            .health
            .set_refusal(Some(chain(&error).to_string()));
        delay
    }

    async fn round(&mut self) -> Result<Next, DatabaseError> {
        self.parts.link.open().await?;
        // Opening may take long when there are several servers; the watchdog need not wait for the whole round.
        self.tick();
        if !self.is_greeted()
            && let Err(error) = self.greet().await
        {
            // Another server, or the same one after somebody helped it: start over.
            self.parts.link.close();
            return Err(error);
        }
        self.confirm().await?;
        self.replay().await?;
        self.leases.keep(&mut self.parts, self.lease).await?;
        self.breakers.keep(&mut self.parts).await?;
        if self.parts.jobs.is_none() {
            return Ok(Next::Room);
        }
        if self.parts.shutdown.is_stopping() {
            return Ok(Next::Now);
        }
        // A claim that finds nothing takes ten times as long as this question, and whatever is emitted meanwhile waits for it.
        let mut due_in = None;
        if self.unasked && Instant::now() < self.claim_at {
            due_in = store::due_in(&mut self.parts.link).await?;
            if due_in != Some(Duration::ZERO) {
                return Ok(Next::Hint(self.pace.wait(Instant::now(), due_in)));
            }
        }
        let next = self.claim().await?;
        let fanned_out = self.fan_out().await?;
        match next {
            Next::Hint(_) if fanned_out => Ok(Next::Now),
            Next::Hint(_) => {
                if due_in.is_none() && self.pace.is_idle() {
                    due_in = store::due_in(&mut self.parts.link).await?;
                }
                Ok(Next::Hint(self.pace.wait(Instant::now(), due_in)))
            }
            next => Ok(next),
        }
    }

    /// Introduces this process to the database and checks that both can work together.
    async fn greet(&mut self) -> Result<(), DatabaseError> {
        let parts = &mut self.parts;
        let hello = store::hello(&mut parts.link, parts.worker).await?;
        if hello.in_recovery {
            let place = parts.link.place().to_owned();
            return Err(DatabaseError::Standby { place });
        }
        if let Some(problem) = unusable(&hello, parts.request_timeout) {
            return Err(DatabaseError::Unusable(problem));
        }
        if hello.clock_offset_seconds.abs() > CLOCK_TOLERANCE_SECONDS {
            tracing::warn!(
                offset_seconds = hello.clock_offset_seconds,
                "the clocks of Postgres and of this machine differ: check NTP on both"
            );
        }
        tracing::info!(
            extension_version = hello.extension_version,
            schema_version = hello.schema_version,
            lease_seconds = hello.lease.as_secs(),
            worker = %parts.worker,
            "connected to Postgres"
        );
        parts
            .metrics
            .set_installation(hello.schema_version, hello.clock_offset_seconds);
        self.lease = hello.lease;
        parts.hello.send_replace(Some(hello));
        self.greeted = Some((parts.link.generation(), Instant::now()));
        // Another session may be with another server.
        self.confirm_at = Instant::now();
        // What was announced while we were away was not heard.
        self.pace.woken(Instant::now());
        Ok(())
    }

    /// Whether sending is armed for the database behind this session. If not, nothing that was claimed may be sent any
    /// more: its lease may have been given by another database.
    async fn confirm(&mut self) -> Result<(), DatabaseError> {
        let now = Instant::now();
        if now < self.confirm_at {
            return Ok(());
        }
        let parts = &mut self.parts;
        let confirmed = armed::confirm(&mut parts.link, parts.state.path()).await;
        if matches!(confirmed, Err(DatabaseError::NotArmed(_))) {
            parts.in_flight.lost_all();
            parts.armed.send_replace(false);
            parts.metrics.protocol().set_armed(false);
            // The way out may lead to another server.
            parts.link.close();
        }
        if confirmed? {
            // What is due there is looked for at Twilio first; what we hold was claimed before, and may be among it.
            parts.in_flight.lost_all();
        }
        parts.armed.send_replace(true);
        parts.metrics.protocol().set_armed(true);
        self.confirm_at = now + CONFIRM_EVERY;
        Ok(())
    }

    /// Writes what an earlier process could not, before its leases are looked at.
    async fn replay(&mut self) -> Result<(), DatabaseError> {
        if self.replayed {
            return Ok(());
        }
        let journal = Journal::new(self.parts.state.path());
        let kept = journal.read().map_err(|error| {
            DatabaseError::Unusable(format!(
                "the journal in {} cannot be read: {error}",
                self.parts.state.path().display()
            ))
        })?;
        for kept in kept {
            let link = &mut self.parts.link;
            for batch in kept.results.chunks(REPLAY) {
                match store::complete_kept(link, kept.worker, batch).await {
                    Ok(refused) => tracing::info!(
                        results = batch.len(),
                        without_effect = refused,
                        "results of an earlier process, kept in the journal, are written"
                    ),
                    Err(error) if error.is_about_content() => tracing::error!(
                        results = batch.len(),
                        error = chain(&error),
                        "Postgres refuses results from the journal: their texts become unknown; please report it"
                    ),
                    Err(error) => return Err(error),
                }
            }
        }
        if let Err(error) = journal.clear() {
            tracing::warn!(error = chain(&error), "the journal cannot be removed");
        }
        self.replayed = true;
        Ok(())
    }

    async fn claim(&mut self) -> Result<Next, DatabaseError> {
        let parts = &mut self.parts;
        let room = parts.in_flight.room(parts.concurrency);
        let Some(jobs) = parts.jobs.as_ref().filter(|_| room > 0) else {
            return Ok(Next::Room);
        };
        self.claim_at = Instant::now() + CLAIM_EVERY;
        let claimed_at = BootTime::now();
        let limit = i32::try_from(room).unwrap_or(i32::MAX);
        let texts = store::claim(&mut parts.link, parts.worker, limit).await?;
        let claimed = texts.len();
        if claimed > 0 {
            failpoints::hit("claim_committed").await;
        }
        parts.metrics.claimed(claimed);
        for text in texts {
            parts.in_flight.claimed(text.batch_id);
            if jobs.send(Job { text, claimed_at }).is_err() {
                return Err(DatabaseError::Unusable(
                    "the sending task is gone".to_owned(),
                ));
            }
        }
        if claimed > 0 {
            self.pace.woken(Instant::now());
        }
        Ok(if claimed >= room {
            Next::Now
        } else {
            Next::Hint(LONGEST_WAIT)
        })
    }

    /// Writes the next chunk of a broadcast, if one waits. Returns whether something was written.
    async fn fan_out(&mut self) -> Result<bool, DatabaseError> {
        let now = Instant::now();
        if now < self.fan_out_at {
            return Ok(false);
        }
        let written = store::fan_out(&mut self.parts.link, FAN_OUT_EVENTS).await?;
        self.parts.metrics.fanned_out(written.unwrap_or(0));
        self.fan_out_at = if written.is_some() {
            now
        } else {
            now + FAN_OUT_EVERY
        };
        Ok(written.is_some())
    }
}

/// Why this installation and this daemon cannot work together, if they cannot.
pub(crate) fn unusable(hello: &Hello, request_timeout: Duration) -> Option<String> {
    if hello.schema_version < OLDEST_SCHEMA {
        return Some(format!(
            "the tables have version {} and herald needs {OLDEST_SCHEMA}: run SELECT herald_install();",
            hello.schema_version
        ));
    }
    if write_budget(hello.lease, request_timeout).is_zero() {
        return Some(format!(
            "lease_seconds is {}, too short for requests of up to {} s: run SELECT herald_set_setting('lease_seconds', '90');",
            hello.lease.as_secs(),
            request_timeout.as_secs()
        ));
    }
    None
}
