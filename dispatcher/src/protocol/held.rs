//! What this process holds: claimed texts on their way, results not yet written, and the batches whose leases they need.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

/// Everything between claim and written result.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Texts of each batch whose result is not written.
    batches: BTreeMap<Uuid, usize>,
    /// Claimed, no result yet.
    sending: usize,
    /// Result there, not written.
    unwritten: usize,
    /// The last attempt to write results failed.
    stalled: bool,
    /// Mean time of a request, in seconds; newer ones weigh more.
    mean_seconds: Option<f64>,
    /// Requests finished since the daemon started.
    finished: u64,
}

/// A look at the counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    /// Claimed, no result yet.
    pub(crate) sending: usize,
    /// Result there, not written.
    pub(crate) unwritten: usize,
    /// Results cannot be written at present.
    pub(crate) stalled: bool,
    /// Requests finished since the daemon started.
    pub(crate) finished: u64,
}

/// How much of the next claim may lie ready beyond the free slots: as much as is sent in this time.
const READY_SECONDS: f64 = 0.5;
/// And never more than this: a claim has a fixed price of about a millisecond, so that at thousands of texts a second it
/// should be for as many as one batch takes.
const MAX_READY: usize = 300;
/// With more unwritten results than this, nothing new is claimed: two batches are on their way, one fills up.
const MAX_UNWRITTEN: usize = 600;
/// Larger batches bring nothing (measured in other queues, too) and hold the row locks longer.
const MAX_CLAIM: usize = 200;

impl Held {
    /// A text of this batch was claimed.
    pub(crate) fn claimed(&mut self, batch: Uuid) {
        *self.batches.entry(batch).or_insert(0) += 1;
        self.sending += 1;
    }

    /// A text has its result. `request` is how long the request took, if one was made.
    pub(crate) fn answered(&mut self, request: Option<Duration>) {
        self.sending = self.sending.saturating_sub(1);
        self.unwritten += 1;
        if let Some(request) = request {
            let seconds = request.as_secs_f64();
            self.mean_seconds = Some(
                self.mean_seconds
                    .map_or(seconds, |mean| mean * 0.9 + seconds * 0.1),
            );
            self.finished += 1;
        }
    }

    /// The results of these texts are written, or will never be.
    pub(crate) fn written(&mut self, batches: impl Iterator<Item = Uuid>) {
        for batch in batches {
            self.unwritten = self.unwritten.saturating_sub(1);
            if let Some(left) = self.batches.get_mut(&batch) {
                *left -= 1;
                if *left == 0 {
                    self.batches.remove(&batch);
                }
            }
        }
        self.stalled = false;
    }

    /// Results could not be written and wait.
    pub(crate) fn stalled(&mut self) {
        self.stalled = true;
    }

    /// The batches whose leases are needed.
    pub(crate) fn batches(&self) -> Vec<Uuid> {
        self.batches.keys().copied().collect()
    }

    /// Whether the lease of this batch is ours as far as we know.
    pub(crate) fn holds(&self, batch: Uuid) -> bool {
        self.batches.contains_key(&batch)
    }

    /// This lease was lost: nothing more of the batch may be sent.
    pub(crate) fn lost(&mut self, batch: Uuid) {
        self.batches.remove(&batch);
    }

    /// No lease counts any more: another database answers, or sending is not armed for it.
    pub(crate) fn lost_all(&mut self) {
        self.batches.clear();
    }

    /// The present counts.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            sending: self.sending,
            unwritten: self.unwritten,
            stalled: self.stalled,
            finished: self.finished,
        }
    }

    /// How many texts may be claimed now: the free slots and what they send in half a second. Nothing while results
    /// pile up, or while so much lies ready that a larger claim can be made a little later.
    pub(crate) fn room(&self, concurrency: usize) -> usize {
        if self.stalled || self.unwritten > MAX_UNWRITTEN {
            return 0;
        }
        let ready = self.mean_seconds.map_or(0, |mean| {
            let sent = READY_SECONDS * concurrency as f64 / mean.max(0.001);
            (sent as usize).min(MAX_READY)
        });
        let room = (concurrency + ready).saturating_sub(self.sending);
        if room < ready / 2 {
            return 0;
        }
        room.min(MAX_CLAIM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_needed_until_its_last_result_is_written() {
        let mut held = Held::default();
        let batch = Uuid::now_v7();
        held.claimed(batch);
        held.claimed(batch);
        held.answered(None);
        held.written([batch].into_iter());
        assert!(held.holds(batch) && held.counts().sending == 1);
        held.answered(None);
        held.written([batch].into_iter());
        assert!(!held.holds(batch) && held.counts().unwritten == 0);
        assert!(held.batches().is_empty());
    }

    #[test]
    fn room_is_the_free_slots_and_what_half_a_second_sends() {
        let mut held = Held::default();
        assert_eq!(held.room(8), 8);
        held.claimed(Uuid::now_v7());
        assert_eq!(held.room(8), 7);
        held.answered(Some(Duration::from_millis(200)));
        assert_eq!(held.room(8), 8 + 20);
        held.written(std::iter::empty());
        assert_eq!(held.room(1000), 200);
    }

    #[test]
    fn small_claims_wait_while_enough_lies_ready() {
        let mut held = Held::default();
        held.answered(Some(Duration::from_millis(200)));
        for _ in 0..8 + 20 - 10 {
            held.claimed(Uuid::nil());
        }
        assert_eq!(held.room(8), 10);
        held.claimed(Uuid::nil());
        assert_eq!(held.room(8), 0);
    }

    #[test]
    fn nothing_is_claimed_while_results_cannot_be_written() {
        let mut held = Held::default();
        held.stalled();
        assert_eq!(held.room(8), 0);
        held.written(std::iter::empty());
        assert_eq!(held.room(8), 8);
        for _ in 0..=MAX_UNWRITTEN {
            held.claimed(Uuid::nil());
            held.answered(None);
        }
        assert_eq!(held.room(8), 0);
    }

    #[test]
    fn a_lost_batch_is_not_ours() {
        let mut held = Held::default();
        let batch = Uuid::now_v7();
        held.claimed(batch);
        held.lost(batch);
        assert!(!held.holds(batch));
        held.answered(None);
        held.written([batch].into_iter());
        let counts = held.counts();
        assert_eq!(counts.sending + counts.unwritten, 0);
    }
}
