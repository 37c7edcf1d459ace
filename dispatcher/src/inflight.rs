//! What this process holds, shared by its tasks; the counting itself is [`Held`]'s.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::protocol::held::{Counts, Held};

/// Shared count of everything between claim and written result.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    state: Mutex<Held>,
    changed: Notify,
    stalled: watch::Sender<bool>,
}

impl InFlight {
    fn state(&self) -> MutexGuard<'_, Held> {
        // The counts stay right even if a holder panicked: each change is one statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text of this batch was claimed.
    pub(crate) fn claimed(&self, batch: Uuid) {
        self.state().claimed(batch);
    }

    /// A text has its result. `request` is how long the request took, if one was made.
    pub(crate) fn answered(&self, request: Option<Duration>) {
        self.state().answered(request);
        self.changed.notify_one();
    }

    /// The results of these texts are written, or will never be.
    pub(crate) fn written(&self, batches: impl Iterator<Item = Uuid>) {
        self.state().written(batches);
        self.stalled.send_replace(false);
        self.changed.notify_one();
    }

    /// Results could not be written and wait.
    pub(crate) fn stalled(&self) {
        self.state().stalled();
        self.stalled.send_replace(true);
    }

    /// Returns when results can be written, as far as we know.
    pub(crate) async fn flowing(&self) {
        let mut stalled = self.stalled.subscribe();
        // The sender lives as long as we do.
        let _gone = stalled.wait_for(|stalled| !stalled).await.is_err();
    }

    /// The batches whose leases are needed.
    pub(crate) fn batches(&self) -> Vec<Uuid> {
        self.state().batches()
    }

    /// Whether the lease of this batch is ours as far as we know.
    pub(crate) fn holds(&self, batch: Uuid) -> bool {
        self.state().holds(batch)
    }

    /// This lease was lost: nothing more of the batch may be sent.
    pub(crate) fn lost(&self, batch: Uuid) {
        self.state().lost(batch);
    }

    /// No lease counts any more.
    pub(crate) fn lost_all(&self) {
        self.state().lost_all();
    }

    /// The present counts.
    pub(crate) fn counts(&self) -> Counts {
        self.state().counts()
    }

    /// Whether everything claimed has its result in the database.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = self.counts();
        counts.sending == 0 && counts.unwritten == 0
    }

    /// How many texts may be claimed now.
    pub(crate) fn room(&self, concurrency: usize) -> usize {
        self.state().room(concurrency)
    }

    /// Returns after the next change, or at once if one was missed.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
