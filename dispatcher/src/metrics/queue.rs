//! What waits in the queue, as Postgres counts it. Known only while Postgres answers.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{FloatGauge, Labels};
use crate::records::QueueStat;

/// Gauges that are set at each scrape.
#[derive(Default)]
pub(crate) struct QueueMetrics {
    messages: Family<Labels<2>, Gauge>,
    oldest: Family<Labels<1>, FloatGauge>,
    unknown: FloatGauge,
    unknown_oldest: FloatGauge,
}

impl QueueMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "queue_messages",
            "Texts in the queue and on their way",
            self.messages.clone(),
        );
        registry.register(
            "queue_oldest_pending_age_seconds",
            "How long the oldest due text has been due",
            self.oldest.clone(),
        );
        registry.register(
            "attempts_unknown",
            "Texts of which nobody knows yet whether they went out",
            self.unknown.clone(),
        );
        registry.register(
            "attempts_unknown_oldest_age_seconds",
            "Age of the oldest of these",
            self.unknown_oldest.clone(),
        );
    }

    /// They are not known at present: shows nothing, or NaN, rather than something old.
    pub(crate) fn clear(&self) {
        self.messages.clear();
        self.oldest.clear();
        self.unknown.set(f64::NAN);
        self.unknown_oldest.set(f64::NAN);
    }

    /// Replaces all figures.
    pub(crate) fn set(&self, stats: &[QueueStat]) {
        self.clear();
        let (mut unknown, mut unknown_oldest) = (0.0, 0.0_f64);
        for stat in stats {
            let labels = [
                ("state", stat.state.clone()),
                ("priority", stat.priority.clone()),
            ];
            self.messages.get_or_create(&labels).set(stat.messages);
            let age = stat.oldest_age_seconds.unwrap_or(0.0).max(0.0);
            match stat.state.as_str() {
                "due" => {
                    let labels = [("priority", stat.priority.clone())];
                    self.oldest.get_or_create(&labels).set(age);
                }
                "unknown" => {
                    unknown += stat.messages as f64;
                    unknown_oldest = unknown_oldest.max(age);
                }
                _ => {}
            }
        }
        self.unknown.set(unknown);
        self.unknown_oldest.set(unknown_oldest);
    }
}
