//! Comparing the database's word with the model's.

use super::database::Row;
use super::model::{Decision, Instant};

/// The word a decision is counted under.
pub(crate) fn word(decision: &Decision) -> String {
    match decision {
        Decision::Go => "go",
        Decision::Suppress(reason) | Decision::Defer(reason, ..) => reason,
    }
    .to_owned()
}

/// Whether an instant is the expected one, or lies in the expected spread.
pub(crate) fn fits(found: Option<Instant>, expected: Option<(Instant, i64)>) -> bool {
    match (found, expected) {
        (None, None) => true,
        (Some(found), Some((from, slack))) => {
            from <= found && (found - from).num_seconds() <= slack && (slack > 0 || found == from)
        }
        _ => false,
    }
}

/// A delivery is as the model says; `going` is the status of one that may go.
pub(crate) fn check(row: &Row, expected: &Decision, going: &str, context: &dyn Fn() -> String) {
    let (status, reason, until) = match expected {
        Decision::Go => (going, None, None),
        Decision::Suppress("cancelled") => ("cancelled", None, None),
        Decision::Suppress(reason) => ("suppressed", Some(*reason), None),
        Decision::Defer(reason, at, slack) => ("deferred", Some(*reason), Some((*at, *slack))),
    };
    let found = (row.status.as_str(), row.reason.as_deref());
    assert_eq!(
        found,
        (status, reason),
        "the database (left), the model (right), {}",
        context()
    );
    assert!(
        fits(row.until, until),
        "until {:?}, the model says {until:?}, {}",
        row.until,
        context()
    );
}
