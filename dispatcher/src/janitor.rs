//! Deletes records whose time is over, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_postgres::error::SqlState;

use crate::error::chain;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::records::Hello;
use crate::store;

/// How often it is looked for records whose time is over.
const EVERY: Duration = Duration::from_secs(600);
/// Records of one kind in one transaction: some tens of milliseconds of work.
const CHUNK: i32 = 1000;
/// Rest between two chunks, so that a large backlog does not take the disk from the texts.
const REST: Duration = Duration::from_millis(250);

/// The task that deletes.
pub(crate) struct Janitor {
    /// Its own connection.
    pub(crate) link: Link,
    /// Known once the installation can be worked with.
    pub(crate) hello: watch::Receiver<Option<Hello>>,
    /// Counts of what was deleted.
    pub(crate) metrics: Arc<Metrics>,
}

impl Janitor {
    /// Works for ever.
    pub(crate) async fn run(mut self) {
        // The other end lives as long as the daemon; if it is gone, everything is over.
        if self.hello.wait_for(Option::is_some).await.is_err() {
            return;
        }
        loop {
            sleep(self.round().await).await;
        }
    }

    /// Deletes one chunk of each kind. Returns how long to wait for the next.
    async fn round(&mut self) -> Duration {
        match store::purge(&mut self.link, CHUNK).await {
            Ok(purged) => {
                for (kind, records) in &purged {
                    self.metrics
                        .purged(kind, u64::try_from(*records).unwrap_or(0));
                }
                let records: i64 = purged.iter().map(|(_, records)| records).sum();
                if records > 0 {
                    tracing::info!(records, "records whose time was over are deleted");
                }
                let is_more = purged
                    .iter()
                    .any(|(_, records)| *records >= i64::from(CHUNK));
                if is_more { REST } else { EVERY }
            }
            Err(error) => {
                let delay = self.link.retry_delay();
                tracing::warn!(
                    retry_in_ms = delay.as_millis(),
                    sqlstate = error.sqlstate().map(SqlState::code),
                    error = chain(&error),
                    "records whose time is over cannot be deleted yet"
                );
                delay
            }
        }
    }
}
