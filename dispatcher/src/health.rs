//! Is the daemon alive, is it ready: what the tasks report, and the answers made from it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::error::chain;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::records::Hello;
use crate::store;

/// A main loop that has not come round in this time hangs. Longer than any single wait in it.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// How long the database may take to answer a health check or a scrape.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Scrapes that come faster get the figures of the last one.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// What the tasks report.
pub(crate) struct Health {
    started: Instant,
    last_tick: AtomicU64,
    listening: AtomicBool,
    /// Why the last round of the main loop could not claim, if it could not.
    refusal: std::sync::Mutex<Option<String>>,
    hello: watch::Receiver<Option<Hello>>,
    armed: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    /// A connection for health checks and scrapes, so that neither waits for work nor work for it.
    monitor: Mutex<Monitor>,
}

struct Monitor {
    link: Link,
    scraped: Option<Instant>,
}

impl Health {
    /// Nothing is known yet. `link` is opened at the first question.
    pub(crate) fn new(
        link: Link,
        hello: watch::Receiver<Option<Hello>>,
        armed: watch::Receiver<bool>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            started: Instant::now(),
            last_tick: AtomicU64::new(0),
            listening: AtomicBool::new(false),
            refusal: std::sync::Mutex::new(None),
            hello,
            armed,
            metrics,
            monitor: Mutex::new(Monitor {
                link,
                scraped: None,
            }),
        }
    }

    /// The main loop came round.
    pub(crate) fn tick(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_tick.store(now, Ordering::Relaxed);
    }

    /// What came of the main loop's last round: `None` if it could claim, otherwise why it could not.
    pub(crate) fn set_refusal(&self, refusal: Option<String>) {
        let mut known = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        *known = refusal;
    }

    fn refusal(&self) -> Option<String> {
        let known = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Whether hints arrive.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
        self.metrics.set_listening(listening);
    }

    /// Whether hints arrive.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Whether the main loop came round lately.
    pub(crate) fn is_alive(&self) -> bool {
        let last_tick = Duration::from_millis(self.last_tick.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last_tick) < STUCK_AFTER
    }

    /// Whether texts can be sent now, and each part of that. Asks the database.
    pub(crate) async fn readiness(&self) -> (bool, Value) {
        let database = async { store::ping(&mut self.monitor.lock().await.link).await };
        let database = match timeout(ANSWER_WITHIN, database).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        };
        let schema_version = self
            .hello
            .borrow()
            .as_ref()
            .map(|hello| hello.schema_version);
        let refusal = self.refusal();
        let armed = *self.armed.borrow();
        let ready = database.is_ok()
            && schema_version.is_some()
            && armed
            && refusal.is_none()
            && self.is_alive();
        let body = json!({
            "ready": ready,
            "main_loop": { "ok": self.is_alive() },
            "database": { "ok": database.is_ok(), "error": database.err() },
            "wake_up": { "ok": true, "mode": if self.is_listening() { "listen" } else { "poll" } },
            "armed": { "ok": armed },
            "claim": { "ok": refusal.is_none(), "error": refusal },
            "schema": { "ok": schema_version.is_some(), "version": schema_version },
        });
        (ready, body)
    }

    /// The metrics, with the queue's figures not older than a second, or without them if the database is away.
    pub(crate) async fn metrics(&self) -> String {
        let refresh = async {
            let mut monitor = self.monitor.lock().await;
            if monitor.scraped.is_some_and(|at| at.elapsed() < FRESH_FOR) {
                return;
            }
            match store::queue_stats(&mut monitor.link).await {
                Ok(stats) => self.metrics.queue().set(&stats),
                Err(error) => {
                    self.metrics.queue().clear();
                    tracing::warn!(error = chain(&error), "the queue's figures are not known");
                }
            }
            monitor.scraped = Some(Instant::now());
        };
        if timeout(ANSWER_WITHIN, refresh).await.is_err() {
            self.metrics.queue().clear();
        }
        self.metrics.text()
    }
}
