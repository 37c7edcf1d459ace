//! The one signal that everything ends by: a deadline for what is on its way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// Tells whether the daemon is stopping, and until when requests may take. Clones see the same.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Receiver<Option<Instant>>);

/// The other end: sets the deadline.
#[derive(Debug)]
pub(crate) struct Trigger(watch::Sender<Option<Instant>>);

impl Trigger {
    /// A pair of both ends; nothing is stopping yet.
    pub(crate) fn new() -> (Self, Shutdown) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Shutdown(receiver))
    }

    /// Stop: no new work, and what is on its way ends by `grace` from now. A later call may only shorten it.
    pub(crate) fn pull(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.0.send_modify(|present| {
            *present = Some(present.map_or(deadline, |earlier| earlier.min(deadline)));
        });
    }
}

impl Shutdown {
    /// Whether new work is to be left alone.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns when stopping begins, at once if it has begun.
    pub(crate) async fn begun(&mut self) {
        // The other end lives as long as the daemon; if it is gone, everything is over.
        let _gone = self.0.wait_for(Option::is_some).await.is_err();
    }

    /// Returns when the time of what is on its way is over. The deadline may come closer while this waits.
    pub(crate) async fn expired(&mut self) {
        loop {
            self.begun().await;
            let deadline = *self.0.borrow_and_update();
            let Some(deadline) = deadline else { return };
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => return,
                changed = self.0.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals over from the operating system; fails only if it refuses.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one. Returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_may_come_closer_but_not_move_away() {
        let (trigger, mut shutdown) = Trigger::new();
        assert!(!shutdown.is_stopping());
        trigger.pull(Duration::from_secs(40));
        shutdown.begun().await;
        assert!(shutdown.is_stopping());

        let start = Instant::now();
        let waiting = tokio::spawn(async move { shutdown.expired().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        trigger.pull(Duration::from_secs(100));
        tokio::time::sleep(Duration::from_secs(1)).await;
        trigger.pull(Duration::ZERO);
        waiting.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
