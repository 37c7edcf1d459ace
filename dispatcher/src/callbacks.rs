//! Commits what webhooks bring in small batches and tells each request what became of it.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_postgres::error::SqlState;

use crate::complete::gather;
use crate::database::DatabaseError;
use crate::error::chain;
use crate::link::Link;
use crate::records::Callback;
use crate::store;

/// Most records in one transaction.
const BATCH: usize = 200;
/// How long the first record of a batch waits for others.
const GATHER: Duration = Duration::from_millis(5);
/// Or none comes for this long: Twilio's requests wait for the commit, so once all of them are here no more will come.
const PAUSE: Duration = Duration::from_millis(1);

/// Something that a webhook brings: a status callback, a text that came in.
pub(crate) trait Record: Send + Sync + Sized {
    /// What is known of it after the commit.
    type Stored: Send;
    /// What several of them are called in logs.
    const NAME: &'static str;

    /// Stores a batch in one transaction, with all that follows from it.
    fn store(
        link: &mut Link,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Stored>, DatabaseError>> + Send;

    /// Logs that it is stored.
    fn stored(&self, stored: &Self::Stored);

    /// Logs that Postgres will never take it.
    fn refused(&self, error: &DatabaseError);
}

/// A record and the request that waits for its commit.
pub(crate) struct Pending<R: Record> {
    /// What Twilio said.
    pub(crate) record: R,
    /// Gets what was done with it after the commit; dropped if it cannot be stored.
    pub(crate) stored: oneshot::Sender<R::Stored>,
}

/// The task that commits records of one sort.
pub(crate) struct Recorder {
    /// Its own connection.
    pub(crate) link: Link,
}

impl Recorder {
    /// Commits what comes until the channel is closed.
    pub(crate) async fn run<R: Record>(mut self, mut records: mpsc::UnboundedReceiver<Pending<R>>) {
        loop {
            let batch = gather(&mut records, BATCH, GATHER, PAUSE).await;
            if batch.is_empty() {
                return;
            }
            self.record(batch).await;
        }
    }

    async fn record<R: Record>(&mut self, batch: Vec<Pending<R>>) {
        let mut pending = vec![batch];
        while let Some(mut batch) = pending.pop() {
            // A request that gave up was told to come again.
            batch.retain(|one| !one.stored.is_closed());
            if batch.is_empty() {
                continue;
            }
            let records: Vec<&R> = batch.iter().map(|one| &one.record).collect();
            let error = match R::store(&mut self.link, &records).await {
                Ok(results) => {
                    answer(batch, results);
                    continue;
                }
                Err(error) => error,
            };
            if error.is_about_content() {
                // One of them is refused: halve until it is alone, so that the others are stored.
                match batch.split_off(batch.len() / 2) {
                    rest if batch.is_empty() => refuse(&rest, &error),
                    rest => pending.extend([rest, batch]),
                }
                continue;
            }
            let delay = self.link.retry_delay();
            tracing::warn!(
                what = R::NAME,
                number = batch.len(),
                retry_in_ms = delay.as_millis(),
                sqlstate = error.sqlstate().map(SqlState::code),
                error = chain(&error),
                "what Twilio said cannot be stored yet"
            );
            sleep(delay).await;
            pending.push(batch);
        }
    }
}

fn answer<R: Record>(batch: Vec<Pending<R>>, results: Vec<R::Stored>) {
    for (one, result) in batch.into_iter().zip(results) {
        one.record.stored(&result);
        if one.stored.send(result).is_err() {
            tracing::debug!(
                what = R::NAME,
                "the request gave up while its record was being stored"
            );
        }
    }
}

/// Dropping them answers their requests with 503.
fn refuse<R: Record>(batch: &[Pending<R>], error: &DatabaseError) {
    for one in batch {
        one.record.refused(error);
    }
}

impl Record for Callback {
    type Stored = String;
    const NAME: &'static str = "callbacks";

    async fn store(link: &mut Link, batch: &[&Self]) -> Result<Vec<String>, DatabaseError> {
        store::record_callbacks(link, batch).await
    }

    fn stored(&self, result: &String) {
        tracing::debug!(
            message_id = self.message_id.map(tracing::field::display),
            attempt = self.attempt,
            sid = self.sid,
            status = self.status,
            error_code = self.error_code,
            result,
            "callback stored"
        );
        if result == "conflict" || result == "orphan" {
            tracing::warn!(
                message_id = self.message_id.map(tracing::field::display),
                attempt = self.attempt,
                sid = self.sid,
                status = self.status,
                result,
                "a callback does not belong to what is known of its message; it is kept"
            );
        }
    }

    fn refused(&self, error: &DatabaseError) {
        tracing::error!(
            sid = self.sid,
            status = self.status,
            error = chain(error),
            "Postgres refuses this callback; please report it"
        );
    }
}
