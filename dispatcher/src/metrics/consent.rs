//! Texts that came in, and records that were deleted.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Counters, Metrics};
use crate::inbound::Done;

/// Counters of consent and of forgetting.
#[derive(Default)]
pub(super) struct ConsentMetrics {
    inbound: Counters<2>,
    cancelled: Counter,
    in_flight: Counter,
    purged: Counters<1>,
}

impl ConsentMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "inbound_messages",
            "Texts from people, by keyword and by what was done",
            self.inbound.clone(),
        );
        registry.register(
            "opt_out_cancelled",
            "Waiting texts that a STOP cancelled",
            self.cancelled.clone(),
        );
        registry.register(
            "opt_out_in_flight",
            "Texts that were on their way already when a STOP was committed",
            self.in_flight.clone(),
        );
        registry.register(
            "records_purged",
            "Records that were deleted because their time was over, and erasures that were gone over again, by kind",
            self.purged.clone(),
        );
    }
}

impl Metrics {
    /// A text came in and was stored, not for the first time if it is a duplicate.
    pub(crate) fn inbound(&self, done: &Done) {
        let keyword = done.keyword.clone().unwrap_or_default();
        self.consent
            .inbound
            .get_or_create(&[("keyword", keyword), ("result", done.result.clone())])
            .inc();
        if done.result == "opted_out" {
            let count = |texts: i32| u64::try_from(texts).unwrap_or(0);
            self.consent.cancelled.inc_by(count(done.cancelled));
            self.consent.in_flight.inc_by(count(done.in_flight));
        }
    }

    /// Records of a kind were deleted.
    pub(crate) fn purged(&self, kind: &str, records: u64) {
        self.consent
            .purged
            .get_or_create(&[("kind", kind.to_owned())])
            .inc_by(records);
    }
}
