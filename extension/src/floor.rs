//! Where the claims of a session begin to read the queue.
//!
//! What was taken stays in the queue's index until vacuum may remove it, and one forgotten snapshot keeps vacuum away: a claim
//! that begins at the oldest due time then reads past everything that was ever taken, more each time. So as long as claims come
//! back full, the next one begins where the last one ended. What becomes due before that place (a transaction that took long,
//! a claim that was undone) is found by the next claim that is not full, or within [`FULL_LOOK_EVERY`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::datum::TimestampWithTimeZone;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

/// How long a text may be passed over while claims come back full.
const FULL_LOOK_EVERY: Duration = Duration::from_secs(1);

static CLAIM_FLOOR: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Defines `pg_herald.claim_floor`; called once when a backend loads the library.
pub fn define_setting() {
    GucRegistry::define_bool_guc(
        c"pg_herald.claim_floor",
        c"Whether a claim begins to read the queue where the last full claim of its session ended.",
        c"off: each begins at the oldest text that is due. Of use where due times are moved by hand; costs time when dead rows \
          cannot be removed.",
        &CLAIM_FLOOR,
        GucContext::Userset,
        GucFlags::default(),
    );
}

thread_local! {
    static FLOOR: RefCell<Floor> = RefCell::default();
}

#[derive(Default)]
struct Floor {
    /// The last due time taken, by queue rank.
    taken: HashMap<i16, TimestampWithTimeZone>,
    /// When a claim last began at the oldest.
    full_look: Option<Instant>,
}

/// From which due time on the next claim reads each of the ranks; `None` = from the oldest.
pub fn begin(ranks: &[i16]) -> Vec<Option<TimestampWithTimeZone>> {
    FLOOR.with_borrow_mut(|floor| {
        let now = Instant::now();
        let recent = floor
            .full_look
            .is_some_and(|time| now.duration_since(time) < FULL_LOOK_EVERY);
        if floor.taken.is_empty() || !recent || !CLAIM_FLOOR.get() {
            floor.taken.clear();
            floor.full_look = Some(now);
        }
        ranks
            .iter()
            .map(|rank| floor.taken.get(rank).copied())
            .collect()
    })
}

/// What that claim took (ranks and due times), and whether it was as much as it wanted. Gives whether more may be found by
/// claiming again, since this one had not begun at the oldest.
pub fn end(taken: impl Iterator<Item = (i16, TimestampWithTimeZone)>, is_full: bool) -> bool {
    FLOOR.with_borrow_mut(|floor| {
        if !is_full {
            let began_later = !floor.taken.is_empty();
            floor.taken.clear();
            return began_later;
        }
        for (rank, due) in taken {
            let last = floor.taken.entry(rank).or_insert(due);
            *last = (*last).max(due);
        }
        false
    })
}
