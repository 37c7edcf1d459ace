//! Writes results in batches. While Postgres is away they wait here; none is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::error::chain;
use crate::inflight::InFlight;
use crate::link::Link;
use crate::records::AttemptResult;
use crate::store;

/// Most results in one transaction.
const BATCH: usize = 100;
/// How long the first result of a batch waits for others.
const GATHER: Duration = Duration::from_millis(15);

/// The task that writes results.
pub(crate) struct Writer {
    /// Its own connection.
    pub(crate) link: Link,
    /// This process.
    pub(crate) worker: Uuid,
    /// What this process holds; writing frees it.
    pub(crate) in_flight: Arc<InFlight>,
}

impl Writer {
    /// Writes what comes until the channel is closed and empty. Tries for ever: the caller limits it at shutdown.
    pub(crate) async fn run(mut self, mut results: mpsc::UnboundedReceiver<AttemptResult>) {
        loop {
            let batch = gather(&mut results, BATCH, GATHER).await;
            if batch.is_empty() {
                return;
            }
            self.write(batch).await;
        }
    }

    async fn write(&mut self, batch: Vec<AttemptResult>) {
        let mut pending = vec![batch];
        let mut repeated = false;
        while let Some(mut batch) = pending.pop() {
            let Err(error) = self.try_write(&batch, repeated).await else {
                continue;
            };
            if error.is_about_content() {
                // One of them is refused: halve until it is alone, so that the others are written.
                match batch.split_off(batch.len() / 2) {
                    rest if batch.is_empty() => self.give_up(&rest, &error),
                    rest => pending.extend([rest, batch]),
                }
                continue;
            }
            repeated = true;
            self.in_flight.stalled();
            let delay = self.link.retry_delay();
            tracing::warn!(
                results = batch.len(),
                retry_in_ms = delay.as_millis(),
                sqlstate = error.sqlstate().map(SqlState::code),
                error = chain(&error),
                "results cannot be written and wait; nothing is claimed meanwhile"
            );
            sleep(delay).await;
            pending.push(batch);
        }
    }

    /// A result that Postgres will never take: its lease ends and the text becomes `unknown`, to be looked up.
    fn give_up(&self, results: &[AttemptResult], error: &DatabaseError) {
        for result in results {
            tracing::error!(
                message_id = %result.message_id,
                attempt = result.attempt,
                outcome = result.outcome,
                sid = result.answer.sid,
                error = chain(error),
                "Postgres refuses this result; please report it"
            );
        }
        self.in_flight
            .written(results.iter().map(|result| result.batch_id));
    }

    async fn try_write(
        &mut self,
        batch: &[AttemptResult],
        repeated: bool,
    ) -> Result<(), DatabaseError> {
        let refused = store::complete(&mut self.link, self.worker, batch).await?;
        self.in_flight
            .written(batch.iter().map(|result| result.batch_id));
        for (message_id, attempt) in refused {
            // After a repetition the first try may have done it, its answer being lost.
            tracing::warn!(%message_id, attempt, repeated, "result not applied: the lease was lost");
        }
        Ok(())
    }
}

/// Waits for one item, then for more until `limit` or `time` is reached. Empty: the channel is closed.
pub(crate) async fn gather<T>(
    items: &mut mpsc::UnboundedReceiver<T>,
    limit: usize,
    time: Duration,
) -> Vec<T> {
    let mut batch = Vec::new();
    if items.recv_many(&mut batch, limit).await == 0 {
        return batch;
    }
    let deadline = Instant::now() + time;
    while batch.len() < limit {
        let room = limit - batch.len();
        match timeout_at(deadline, items.recv_many(&mut batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use herald_core::outcome::Outcome;
    use prometheus_client::metrics::counter::Counter;

    use super::*;
    use crate::database::tests::absent;
    use crate::twilio::Answer;

    #[tokio::test(start_paused = true)]
    async fn a_batch_ends_by_size_by_time_or_with_the_channel() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for item in 0..5 {
            sender.send(item).unwrap();
        }
        assert_eq!(gather(&mut receiver, 3, GATHER).await, [0, 1, 2]);
        assert_eq!(gather(&mut receiver, 3, GATHER).await, [3, 4]);

        let late = sender.clone();
        tokio::spawn(async move {
            late.send(6).unwrap();
            sleep(GATHER / 3).await;
            late.send(7).unwrap();
            sleep(GATHER).await;
            late.send(8).unwrap();
        });
        assert_eq!(gather(&mut receiver, 3, GATHER).await, [6, 7]);
        drop(sender);
        assert_eq!(gather(&mut receiver, 3, GATHER).await, [8]);
        assert!(gather(&mut receiver, 3, GATHER).await.is_empty());
    }

    #[tokio::test]
    async fn while_postgres_is_away_results_wait_and_nothing_is_claimed() {
        let in_flight = Arc::new(InFlight::default());
        let writer = Writer {
            link: Link::new(absent(), Counter::default()),
            worker: Uuid::now_v7(),
            in_flight: in_flight.clone(),
        };
        let (results, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(writer.run(received));
        let batch_id = Uuid::now_v7();
        in_flight.claimed(batch_id);
        in_flight.answered(None);
        let answer = Answer::without_response(Outcome::Unknown, "timeout", Duration::ZERO);
        let result = AttemptResult {
            batch_id,
            message_id: Uuid::now_v7(),
            attempt: 1,
            outcome: "unknown",
            sender: None,
            answer,
        };
        results.send(result).unwrap();
        while !in_flight.counts().stalled {
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(in_flight.room(8), 0);
        assert_eq!(in_flight.counts().unwritten, 1);
        assert_eq!(in_flight.batches(), [batch_id], "the lease is still needed");
        drop(results);
        sleep(Duration::from_millis(50)).await;
        assert!(!task.is_finished(), "a result was dropped");
        task.abort();
    }
}
