//! Time in the tables, for a clock that stands still: later means that everything stored was earlier.

use super::{LOOK_LEASE, Store};

impl Store {
    /// Time goes on.
    pub(in crate::histories) fn later(&mut self, by: i64) {
        let back = |time: &mut Option<i64>| *time = time.map(|time| time - by);
        back(&mut self.armed_at);
        for message in &mut self.messages {
            message.created -= by;
            back(&mut message.due);
        }
        for batch in self.batches.values_mut() {
            batch.claimed_at -= by;
            batch.lease_until -= by;
        }
        for attempt in self.ledger.values_mut() {
            attempt.started -= by;
            attempt.finished -= by;
            back(&mut attempt.resolve_at);
            back(&mut attempt.absent_at);
            attempt.claim = attempt.claim.map(|(claim, at)| (claim, at - by));
        }
    }

    /// Times ahead at which a rule begins or ceases to hold.
    pub(in crate::histories) fn moments(&self, now: i64) -> Vec<i64> {
        let rules = self.rules;
        let due = self.messages.iter().filter_map(|message| message.due);
        let leases = self.batches.values().map(|batch| batch.lease_until);
        let doubts = self.ledger.values().flat_map(|row| {
            let decidable = row
                .resolve_at
                .map(|_| self.doubtful_until(row) + rules.decision_wait);
            let absent = row.absent_at.map(|at| at + rules.gap);
            let lost = row.claim.map(|(_, at)| at + LOOK_LEASE);
            [row.resolve_at, decidable, absent, lost]
        });
        let mut moments: Vec<i64> = due.chain(leases).chain(doubts.flatten()).collect();
        moments.retain(|moment| *moment >= now);
        moments.sort_unstable();
        moments
    }
}
