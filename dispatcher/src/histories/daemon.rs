//! A daemon in a history: the parts of `protocol/` and what it keeps in memory and on disk.

use std::time::Duration;

use uuid::Uuid;

use crate::protocol::backlog::Backlog;
use crate::protocol::held::Held;
use crate::records::{AttemptResult, Claimed};

/// A claimed text and when its claim was asked for, by the clock that goes on while the machine sleeps.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) text: Claimed,
    pub(super) claimed_at: i64,
    /// Place of the message in the store.
    pub(super) place: usize,
}

/// One process after the other on one host.
pub(super) struct Daemon {
    /// New at each start.
    pub(super) worker: Uuid,
    /// Counts the starts: what was meant for an earlier process finds nobody.
    pub(super) start: u32,
    /// Whether a process runs.
    pub(super) runs: bool,
    /// Stopped until then (SIGSTOP, a starved machine).
    pub(super) frozen_until: i64,
    pub(super) held: Held,
    pub(super) backlog: Backlog<AttemptResult>,
    /// On disk: what could not be written, by whom.
    pub(super) journal: Vec<(Uuid, AttemptResult)>,
    pub(super) extend_at: i64,
    /// It found nothing to do: not before this time again.
    pub(super) rests_until: i64,
}

impl Daemon {
    /// The first process.
    pub(super) fn new(worker: Uuid) -> Self {
        Self {
            worker,
            start: 0,
            runs: true,
            frozen_until: 0,
            held: Held::default(),
            backlog: Backlog::default(),
            journal: Vec::new(),
            extend_at: 0,
            rests_until: 0,
        }
    }

    /// kill -9: memory is gone, the disk is not.
    pub(super) fn dies(&mut self) {
        self.runs = false;
        self.start += 1;
        self.held = Held::default();
        self.backlog = Backlog::default();
    }

    /// A new process.
    pub(super) fn starts(&mut self, worker: Uuid, now: i64) {
        self.worker = worker;
        self.runs = true;
        self.frozen_until = now;
        self.extend_at = now;
        self.rests_until = now;
    }

    /// Milliseconds as the daemon's code takes them.
    pub(super) fn duration(milliseconds: i64) -> Duration {
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }
}
