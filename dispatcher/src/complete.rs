//! Writes results in batches. While Postgres is away they wait here and in the journal; none is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::error::chain;
use crate::failpoints;
use crate::inflight::InFlight;
use crate::journal::Journal;
use crate::link::Link;
use crate::protocol::backlog::Backlog;
use crate::records::AttemptResult;
use crate::store;

/// Most results in one transaction.
const BATCH: usize = 200;
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
    /// Where results are kept while Postgres is away.
    pub(crate) journal: Journal,
}

impl Writer {
    /// Writes what comes until the channel is closed and empty. Tries for ever: the caller limits it at shutdown.
    pub(crate) async fn run(mut self, mut results: mpsc::UnboundedReceiver<AttemptResult>) {
        let mut backlog = Backlog::default();
        loop {
            let batch = gather(&mut results, BATCH, GATHER, GATHER).await;
            if batch.is_empty() {
                return;
            }
            backlog.push(batch);
            self.write(&mut backlog, &mut results).await;
        }
    }

    /// Until nothing waits.
    async fn write(
        &mut self,
        backlog: &mut Backlog<AttemptResult>,
        results: &mut mpsc::UnboundedReceiver<AttemptResult>,
    ) {
        let mut kept = false;
        while let Some((batch, repeated)) = backlog.head() {
            let Err(error) = self.try_write(batch, repeated).await else {
                backlog.written();
                continue;
            };
            if error.is_about_content() {
                if let Some(result) = backlog.refused() {
                    self.give_up(&result, &error);
                }
                continue;
            }
            self.in_flight.stalled();
            let delay = self.link.retry_delay();
            tracing::warn!(
                results = batch.len(),
                retry_in_ms = delay.as_millis(),
                sqlstate = error.sqlstate().map(SqlState::code),
                error = chain(&error),
                "results cannot be written and wait; nothing is claimed or sent meanwhile"
            );
            kept = true;
            self.keep(backlog);
            // Requests that were on their way still end, and their results must not be lost either.
            let again = Instant::now() + delay;
            let mut more = Vec::new();
            while let Ok(1..) = timeout_at(again, results.recv_many(&mut more, BATCH)).await {
                backlog.push(std::mem::take(&mut more));
                self.keep(backlog);
            }
            sleep_until(again).await;
        }
        if kept && let Err(error) = self.journal.clear() {
            tracing::warn!(
                error = chain(&error),
                "the journal of written results cannot be removed: they are written again at the next start, without effect"
            );
        }
    }

    /// Into the journal, as far as that is not done.
    fn keep(&self, backlog: &mut Backlog<AttemptResult>) {
        let results = backlog.stalled();
        if let Err(error) = self.journal.append(self.worker, &results) {
            tracing::error!(
                results = results.len(),
                error = chain(&error),
                "results cannot be kept on disk: if this process is killed before Postgres comes back, their texts become unknown"
            );
        }
    }

    /// A result that Postgres will never take: its lease ends and the text becomes `unknown`, to be looked up.
    fn give_up(&self, result: &AttemptResult, error: &DatabaseError) {
        tracing::error!(
            message_id = %result.message_id,
            attempt = result.attempt,
            outcome = result.outcome,
            sid = result.answer.sid,
            error = chain(error),
            "Postgres refuses this result; please report it"
        );
        self.in_flight.written(std::iter::once(result.batch_id));
    }

    async fn try_write(
        &mut self,
        batch: &[AttemptResult],
        repeated: bool,
    ) -> Result<(), DatabaseError> {
        failpoints::hit("before_result_commit").await;
        let refused = store::complete(&mut self.link, self.worker, batch).await?;
        failpoints::hit("after_result_commit").await;
        self.in_flight
            .written(batch.iter().map(|result| result.batch_id));
        for (message_id, attempt) in refused {
            // After a repetition the first try may have done it, its answer being lost.
            tracing::warn!(%message_id, attempt, repeated, "result not applied: the lease was lost");
        }
        Ok(())
    }
}

/// Waits for one item, then for more until `limit` or `time` is reached or none comes for `pause`. Empty: the channel is
/// closed.
pub(crate) async fn gather<T>(
    items: &mut mpsc::UnboundedReceiver<T>,
    limit: usize,
    time: Duration,
    pause: Duration,
) -> Vec<T> {
    let mut batch = Vec::new();
    if items.recv_many(&mut batch, limit).await == 0 {
        return batch;
    }
    let deadline = Instant::now() + time;
    while batch.len() < limit {
        let room = limit - batch.len();
        let until = deadline.min(Instant::now() + pause);
        match timeout_at(until, items.recv_many(&mut batch, room)).await {
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
    use tokio::time::sleep;

    use super::*;
    use crate::database::tests::absent;
    use crate::twilio::Answer;

    #[tokio::test(start_paused = true)]
    async fn a_batch_ends_by_size_by_time_or_with_the_channel() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for item in 0..5 {
            sender.send(item).unwrap();
        }
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER).await, [0, 1, 2]);
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER).await, [3, 4]);

        let late = sender.clone();
        tokio::spawn(async move {
            late.send(6).unwrap();
            sleep(GATHER / 3).await;
            late.send(7).unwrap();
            sleep(GATHER).await;
            late.send(8).unwrap();
        });
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER).await, [6, 7]);
        drop(sender);
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER).await, [8]);
        assert!(gather(&mut receiver, 3, GATHER, GATHER).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_ends_when_nothing_more_comes() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        sender.send(1).unwrap();
        tokio::spawn(async move {
            sleep(GATHER / 3).await;
            sender.send(2).unwrap();
        });
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER / 5).await, [1]);
        assert_eq!(gather(&mut receiver, 3, GATHER, GATHER / 5).await, [2]);
    }

    #[tokio::test]
    async fn while_postgres_is_away_results_wait_and_nothing_is_claimed() {
        let in_flight = Arc::new(InFlight::default());
        let directory = tempfile::tempdir().unwrap();
        let writer = Writer {
            journal: Journal::new(directory.path()),
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
        let later = AttemptResult {
            attempt: 2,
            ..result.clone()
        };
        results.send(result).unwrap();
        while !in_flight.counts().stalled {
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(in_flight.room(8), 0);
        assert_eq!(in_flight.counts().unwritten, 1);
        assert_eq!(in_flight.batches(), [batch_id], "the lease is still needed");
        // It is on disk, and what comes later as well.
        let kept = || {
            let kept = Journal::new(directory.path()).read().unwrap();
            kept.iter().map(|kept| kept.results.len()).sum::<usize>()
        };
        while kept() < 1 {
            sleep(Duration::from_millis(5)).await;
        }
        results.send(later).unwrap();
        while kept() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        drop(results);
        sleep(Duration::from_millis(50)).await;
        assert!(!task.is_finished(), "a result was dropped");
        task.abort();
    }
}
