//! Comparing the database's word with the model's.

use std::collections::HashMap;

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

/// A delivery is as the model says.
pub(crate) fn check(row: &Row, expected: &Decision, context: &dyn Fn() -> String) {
    let (status, reason, until) = match expected {
        Decision::Go => ("pending", None, None),
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

/// The worlds were of every kind: each reason came about, at emit or at a claim.
pub(crate) fn every_reason(seen: &HashMap<String, u32>) {
    let reasons = "go event_type_inactive not_subscribed unsubscribed filter not_admin preference no_phone invalid_number \
                   unverified opted_out country_not_allowed unknown_time_zone expired quiet_hours type_limit daily_limit \
                   hourly_limit country_cap global_cap";
    for reason in reasons.split_whitespace() {
        assert!(
            seen.contains_key(reason),
            "no world came to {reason}: {seen:?}"
        );
    }
}
