//! Commits status callbacks in small batches and tells each request what became of it.

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

/// Most callbacks in one transaction.
const BATCH: usize = 100;
/// How long the first callback of a batch waits for others.
const GATHER: Duration = Duration::from_millis(5);

/// A callback and the request that waits for its commit.
pub(crate) struct Pending {
    /// What Twilio said.
    pub(crate) callback: Callback,
    /// Gets what was done with it after the commit; dropped if it cannot be stored.
    pub(crate) stored: oneshot::Sender<String>,
}

/// The task that commits callbacks.
pub(crate) struct Recorder {
    /// Its own connection.
    pub(crate) link: Link,
}

impl Recorder {
    /// Commits what comes until the channel is closed.
    pub(crate) async fn run(mut self, mut callbacks: mpsc::UnboundedReceiver<Pending>) {
        loop {
            let batch = gather(&mut callbacks, BATCH, GATHER).await;
            if batch.is_empty() {
                return;
            }
            self.record(batch).await;
        }
    }

    async fn record(&mut self, batch: Vec<Pending>) {
        let mut pending = vec![batch];
        while let Some(mut batch) = pending.pop() {
            // A request that gave up was told to come again.
            batch.retain(|one| !one.stored.is_closed());
            if batch.is_empty() {
                continue;
            }
            let callbacks: Vec<&Callback> = batch.iter().map(|one| &one.callback).collect();
            let error = match store::record_callbacks(&mut self.link, &callbacks).await {
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
                callbacks = batch.len(),
                retry_in_ms = delay.as_millis(),
                sqlstate = error.sqlstate().map(SqlState::code),
                error = chain(&error),
                "callbacks cannot be stored yet"
            );
            sleep(delay).await;
            pending.push(batch);
        }
    }
}

fn answer(batch: Vec<Pending>, results: Vec<String>) {
    for (one, result) in batch.into_iter().zip(results) {
        let callback = &one.callback;
        tracing::debug!(
            message_id = callback.message_id.map(tracing::field::display),
            attempt = callback.attempt,
            sid = callback.sid,
            status = callback.status,
            error_code = callback.error_code,
            result,
            "callback stored"
        );
        if result == "conflict" || result == "orphan" {
            tracing::warn!(
                message_id = callback.message_id.map(tracing::field::display),
                attempt = callback.attempt,
                sid = callback.sid,
                status = callback.status,
                result,
                "a callback does not belong to what is known of its message; it is kept"
            );
        }
        if one.stored.send(result).is_err() {
            tracing::debug!("the request gave up while its callback was being stored");
        }
    }
}

/// Dropping them answers their requests with 503.
fn refuse(batch: &[Pending], error: &DatabaseError) {
    for one in batch {
        tracing::error!(
            sid = one.callback.sid,
            status = one.callback.status,
            error = chain(error),
            "Postgres refuses this callback; please report it"
        );
    }
}
