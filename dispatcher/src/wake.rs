//! Hints that there may be work, one for each task that looks for some.

use tokio::sync::Notify;

/// A hint that comes while a task is busy is kept until it waits for the next one.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// For the main loop.
    pub(crate) sending: Notify,
    /// For the phone verifications.
    pub(crate) verification: Notify,
}

impl Wake {
    /// There may be work, whoever's it is.
    pub(crate) fn all(&self) {
        self.sending.notify_one();
        self.verification.notify_one();
    }
}
