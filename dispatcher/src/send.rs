//! Sends claimed texts, a bounded number at a time, and turns each into one result.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use herald_core::callback::status_callback_url;
use herald_core::outcome::Outcome;
use herald_core::phone;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::boottime::BootTime;
use crate::failpoints;
use crate::inflight::InFlight;
use crate::metrics::Metrics;
use crate::protocol::gate::{may_write, validity_left, write_budget};
use crate::records::{AttemptResult, Claimed, Hello};
use crate::shutdown::Shutdown;
use crate::twilio::{Answer, Create, Twilio};

/// A claimed text and when its claim was asked for.
pub(crate) struct Job {
    /// The text.
    pub(crate) text: Claimed,
    /// Before the claim was sent to Postgres, so never later than the start of the lease.
    pub(crate) claimed_at: BootTime,
}

/// Everything a request needs.
#[derive(Clone)]
pub(crate) struct Sender {
    /// The HTTP client.
    pub(crate) twilio: Twilio,
    /// Base URL that Twilio calls.
    pub(crate) public_url: Arc<str>,
    /// Longest time of a request.
    pub(crate) request_timeout: Duration,
    /// What the installation said: callback key and lease.
    pub(crate) hello: watch::Receiver<Option<Hello>>,
    /// What this process holds.
    pub(crate) in_flight: Arc<InFlight>,
    /// Where results go.
    pub(crate) results: mpsc::UnboundedSender<AttemptResult>,
    /// Counts of requests and outcomes.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the daemon is stopping.
    pub(crate) shutdown: Shutdown,
}

/// A request panicked: a defect. The process has to end, so that the lease does and the text becomes `unknown`.
#[derive(Debug, thiserror::Error)]
#[error("sending a text panicked")]
pub(crate) struct SendPanicked(#[source] tokio::task::JoinError);

impl Sender {
    /// Sends what comes until `jobs` is closed and everything has its result. When the daemon stops, texts that no
    /// request was started for go back as `not_sent`.
    pub(crate) async fn run(
        self,
        mut jobs: mpsc::UnboundedReceiver<Job>,
        concurrency: usize,
    ) -> Result<(), SendPanicked> {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                Some(ended) = running.join_next() => ended.map_err(SendPanicked)?,
                job = jobs.recv(), if running.len() < concurrency => match job {
                    Some(job) => {
                        let sender = self.clone();
                        running.spawn(async move { sender.handle(job).await });
                    }
                    None => break,
                },
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(SendPanicked)?;
        }
        Ok(())
    }

    async fn handle(mut self, job: Job) {
        let answer = self.answer(&job).await;
        self.metrics.attempt(&answer);
        log(&job.text, &answer);
        let request = answer
            .http_status
            .map(|_| Duration::from_millis(answer.elapsed_ms));
        self.in_flight.answered(request);
        let result = AttemptResult {
            batch_id: job.text.batch_id,
            message_id: job.text.message_id,
            attempt: job.text.attempt,
            outcome: answer.outcome.as_str(),
            sender: answer.is_refused().then(|| self.twilio.sender().to_owned()),
            answer,
        };
        if self.results.send(result).is_err() {
            // Only after the writer gave up at the end of the shutdown; the lease turns the text into `unknown`.
            tracing::warn!(message_id = %job.text.message_id, "result came after the end");
        }
    }

    /// While results cannot be written no more are made: what was claimed waits as long as its lease allows.
    async fn wait_for_room(&mut self, job: &Job, lease: Duration) {
        let left =
            write_budget(lease, self.request_timeout).saturating_sub(job.claimed_at.elapsed());
        tokio::select! {
            () = self.in_flight.flowing() => {}
            () = tokio::time::sleep(left) => {}
            () = self.shutdown.begun() => {}
        }
    }

    async fn answer(&mut self, job: &Job) -> Answer {
        let not_sent = |reason| Answer::without_response(Outcome::NotSent, reason, Duration::ZERO);
        if self.shutdown.is_stopping() {
            return not_sent("shutdown");
        }
        let Some((key, lease)) = self
            .hello
            .borrow()
            .as_ref()
            .map(|hello| (hello.callback_key.clone(), hello.lease))
        else {
            return not_sent("late");
        };
        let text = &job.text;
        let status_callback =
            status_callback_url(&self.public_url, &key, text.message_id, text.attempt);
        let mut create = Create {
            to: &text.to_number,
            body: &text.body,
            status_callback: &status_callback,
            validity_seconds: text.validity_seconds,
        };

        self.wait_for_room(job, lease).await;
        if self.shutdown.is_stopping() {
            return not_sent("shutdown");
        }
        failpoints::hit("before_write").await;
        // The gate: asked before the request, and again when it is about to be written.
        let gate = {
            let (in_flight, timeout) = (Arc::clone(&self.in_flight), self.request_timeout);
            let (batch, claimed_at) = (text.batch_id, job.claimed_at);
            move || may_write(claimed_at.elapsed(), lease, timeout, in_flight.holds(batch))
        };
        if !gate() {
            return not_sent("late");
        }
        match validity_left(text.validity_seconds, job.claimed_at.elapsed()) {
            Some(left) => create.validity_seconds = left,
            None => return not_sent("late"),
        }
        let started = BootTime::now();
        let request = failpoints::hit_while("after_write", self.twilio.create(&create, gate));
        let answer = tokio::select! {
            answer = request => answer,
            () = self.shutdown.expired() => Answer::without_response(Outcome::Unknown, "shutdown", started.elapsed()),
        };
        failpoints::hit("response_read").await;
        answer
    }
}

fn log(text: &Claimed, answer: &Answer) {
    let to_masked = phone::mask(&text.to_number);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                message_id = %text.message_id,
                attempt = text.attempt,
                priority = text.priority,
                to_masked,
                outcome = answer.outcome.as_str(),
                sid = answer.sid,
                http_status = answer.http_status,
                error_code = answer.error_code,
                reason = answer.reason,
                request_id = answer.request_id,
                duration_ms = answer.elapsed_ms,
                "attempt finished"
            )
        };
    }
    match answer.outcome {
        Outcome::Accepted => line!(debug),
        // Nobody can have said yet what is to be done about it.
        Outcome::Rejected if !answer.is_known() => line!(error),
        Outcome::NotSent if answer.reason == Some("shutdown") => line!(debug),
        Outcome::Rejected | Outcome::NotSent | Outcome::Unknown => line!(warn),
    }
}
