//! Phone verifications: takes what waits, asks Twilio Verify at once, writes what it said.

mod client;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use herald_core::phone;
use herald_core::verification::Verdict;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::boottime::BootTime;
use crate::database::DatabaseError;
use crate::error::chain;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::protocol::gate::write_budget;
use crate::records::{Hello, Verification};
use crate::shutdown::Shutdown;
use crate::store;
use crate::wake::Wake;

use client::Details;
pub(crate) use client::{Said, VerifyClient};

/// Requests at the same time. People verify a number once; texts are not held up by them.
const CONCURRENCY: usize = 16;
/// Shortest time between two looks: every text that is emitted wakes us, too.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How often a result that Postgres refuses is written again: another one may have taken the number in that moment.
const WRITES: usize = 3;

/// The task that proves numbers.
pub(crate) struct PhoneVerifier {
    /// Its own connection.
    pub(crate) link: Link,
    /// This process.
    pub(crate) worker: Uuid,
    /// `None`: no Verify service is configured, and whoever asks is told so.
    pub(crate) client: Option<VerifyClient>,
    /// What the installation said; nothing is taken before it has said something.
    pub(crate) hello: watch::Receiver<Option<Hello>>,
    /// Whether sending is armed for the database: a copy must not ask people for codes.
    pub(crate) armed: watch::Receiver<bool>,
    /// Hints that something may wait.
    pub(crate) wake: Arc<Wake>,
    /// Longest time of a request.
    pub(crate) request_timeout: Duration,
    /// Counts of answers.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the daemon is stopping.
    pub(crate) shutdown: Shutdown,
}

type Asked = (Verification, Said);

impl PhoneVerifier {
    /// Works until the daemon stops and every answer is written.
    pub(crate) async fn run(mut self) {
        let mut asking: JoinSet<Asked> = JoinSet::new();
        let mut pace = Pace::default();
        let mut look_at = Instant::now();
        loop {
            let stopping = self.shutdown.is_stopping();
            if stopping && asking.is_empty() {
                return;
            }
            sleep_until(look_at).await;
            look_at = Instant::now() + LOOK_EVERY;
            let wait = match self.take(&mut asking, stopping).await {
                Ok(0) => pace.wait(Instant::now(), None),
                Ok(_) => {
                    pace.woken(Instant::now());
                    Duration::ZERO
                }
                Err(error) => self.failed(&error),
            };
            tokio::select! {
                Some(asked) = asking.join_next() => match asked {
                    Ok((verification, said)) => self.write(&verification, &said).await,
                    // The lease ends, and the verification is taken again.
                    Err(error) => tracing::error!(error = chain(&error), "a phone verification panicked"),
                },
                () = self.wake.verification.notified() => pace.woken(Instant::now()),
                () = sleep(wait), if !stopping => {}
                () = self.shutdown.begun(), if !stopping => {}
            }
        }
    }

    /// Takes what waits, if sending is armed, and begins to ask. Returns how many.
    async fn take(
        &mut self,
        asking: &mut JoinSet<Asked>,
        stopping: bool,
    ) -> Result<usize, DatabaseError> {
        let room = CONCURRENCY.saturating_sub(asking.len());
        let lease = self.hello.borrow().as_ref().map(|hello| hello.lease);
        let is_armed = *self.armed.borrow();
        let (Some(lease), true, false, 1..) = (lease, is_armed, stopping, room) else {
            return Ok(0);
        };
        let claimed_at = BootTime::now();
        let limit = i32::try_from(room).unwrap_or(1);
        let taken = store::claim_verifications(&mut self.link, self.worker, limit).await?;
        let count = taken.len();
        for verification in taken {
            let client = self.client.clone();
            let mut shutdown = self.shutdown.clone();
            let budget = write_budget(lease, self.request_timeout);
            asking.spawn(async move {
                let late = claimed_at.elapsed() >= budget;
                let said = match client {
                    None => Said::without_response(Verdict::ServiceFailure, "no Verify service is configured"),
                    Some(_) if late => Said::without_response(Verdict::Retry, "late"),
                    Some(client) => tokio::select! {
                        said = client.ask(&verification) => said,
                        () = shutdown.expired() => Said::without_response(Verdict::Retry, "shutdown"),
                    },
                };
                (verification, said)
            });
        }
        Ok(count)
    }

    /// Writes an answer, for as long as it takes: the lease tells whether it still counts.
    async fn write(&mut self, verification: &Verification, said: &Said) {
        self.metrics
            .verification(verification.step.as_str(), said.verdict.as_str());
        log(verification, said);
        let mut refused = 0;
        loop {
            let written =
                store::complete_verification(&mut self.link, self.worker, verification, said).await;
            let error = match written {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(verification_id = %verification.id, "answer not applied: the lease was lost, or a later verification took its place");
                    return;
                }
                Err(error) => error,
            };
            if error.is_about_content() {
                refused += 1;
                if refused >= WRITES {
                    tracing::error!(
                        verification_id = %verification.id,
                        verdict = said.verdict.as_str(),
                        error = chain(&error),
                        "Postgres refuses this answer; please report it"
                    );
                    return;
                }
            }
            sleep(self.failed(&error)).await;
        }
    }

    fn failed(&mut self, error: &DatabaseError) -> Duration {
        let delay = self.link.retry_delay();
        tracing::warn!(
            sqlstate = error.sqlstate().map(SqlState::code),
            retry_in_ms = delay.as_millis(),
            error = chain(error),
            "phone verifications wait"
        );
        delay
    }
}

fn log(verification: &Verification, said: &Said) {
    let to_masked = phone::mask(&verification.phone_number);
    let Details {
        sid, error_code, ..
    } = &said.details;
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                verification_id = %verification.id,
                step = verification.step.as_str(),
                to_masked,
                verdict = said.verdict.as_str(),
                sid,
                http_status = said.http_status,
                error_code,
                error = said.details.error_message,
                "phone verification answered"
            )
        };
    }
    match said.verdict {
        Verdict::Sent | Verdict::Approved | Verdict::WrongCode | Verdict::Expired => line!(debug),
        Verdict::ServiceFailure => line!(error),
        _ => line!(warn),
    }
}
