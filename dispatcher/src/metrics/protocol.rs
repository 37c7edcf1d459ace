//! What the sending protocol found out by itself.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Counters;

/// Counters of doubts and silence.
#[derive(Default)]
pub(crate) struct ProtocolMetrics {
    resolved: Counters<1>,
    polled: Counters<1>,
    armed: Gauge,
}

impl ProtocolMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "attempts_resolved",
            "Texts in doubt that Twilio's list settled: found, not_sent, or conflict (another text has it)",
            self.resolved.clone(),
        );
        registry.register(
            "stale_polls",
            "Questions to Twilio about texts of which nothing final was heard: found, gone or failed",
            self.polled.clone(),
        );
        registry.register(
            "armed",
            "1 while sending is armed for this database",
            self.armed.clone(),
        );
    }

    /// Whether sending is armed for the database.
    pub(crate) fn set_armed(&self, armed: bool) {
        self.armed.set(armed.into());
    }

    /// A text in doubt was settled.
    pub(crate) fn resolved(&self, what: &str) {
        let labels = [("result", what.to_owned())];
        self.resolved.get_or_create(&labels).inc();
    }

    /// Twilio was asked about a text.
    pub(crate) fn polled(&self, result: &str) {
        let labels = [("result", result.to_owned())];
        self.polled.get_or_create(&labels).inc();
    }
}
