//! Counters and gauges for Prometheus. No ids and no phone numbers as labels.

mod consent;
mod protocol;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use herald_core::catalogue;
use herald_core::status::MessageStatus;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::metrics::consent::ConsentMetrics;
use crate::metrics::protocol::ProtocolMetrics;
use crate::metrics::queue::QueueMetrics;
use crate::twilio::Answer;

type Labels<const N: usize> = [(&'static str, String); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type FloatGauge = Gauge<f64, AtomicU64>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    attempts: Counters<1>,
    claimed: Counter,
    fanned_out: Counter,
    request_duration: Histograms<2>,
    throttled: Counters<1>,
    delivery_status: Counters<2>,
    webhook_requests: Counters<2>,
    webhook_duration: Histograms<1>,
    verifications: Counters<2>,
    leases_expired: Counter,
    breakers_open: Family<Labels<1>, Gauge>,
    breakers_opened: Counters<1>,
    reconnects: Counter,
    db_connected: Gauge,
    listen_connected: Gauge,
    poll_mode: Gauge,
    schema_version: Gauge,
    clock_offset: FloatGauge,
    requests_in_flight: Gauge,
    results_waiting: Gauge,
    queue: QueueMetrics,
    consent: ConsentMetrics,
    protocol: ProtocolMetrics,
}

fn request_buckets() -> Histogram {
    Histogram::new([0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0])
}

fn webhook_buckets() -> Histogram {
    Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0])
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("herald"),
            attempts: Family::default(),
            claimed: Counter::default(),
            fanned_out: Counter::default(),
            request_duration: Family::new_with_constructor(request_buckets),
            throttled: Family::default(),
            delivery_status: Family::default(),
            webhook_requests: Family::default(),
            webhook_duration: Family::new_with_constructor(webhook_buckets),
            verifications: Family::default(),
            leases_expired: Counter::default(),
            breakers_open: Family::default(),
            breakers_opened: Family::default(),
            reconnects: Counter::default(),
            db_connected: Gauge::default(),
            listen_connected: Gauge::default(),
            poll_mode: Gauge::default(),
            schema_version: Gauge::default(),
            clock_offset: FloatGauge::default(),
            requests_in_flight: Gauge::default(),
            results_waiting: Gauge::default(),
            queue: QueueMetrics::default(),
            consent: ConsentMetrics::default(),
            protocol: ProtocolMetrics::default(),
        };
        metrics.poll_mode.set(1);
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "attempts",
            "Attempts to send a text, by outcome",
            self.attempts.clone(),
        );
        registry.register(
            "messages_claimed",
            "Texts claimed from the queue",
            self.claimed.clone(),
        );
        registry.register(
            "fan_out_deliveries",
            "Deliveries written for broadcasts",
            self.fanned_out.clone(),
        );
        registry.register(
            "provider_request_duration_seconds",
            "Time from the start of a request to Twilio to the end of its answer",
            self.request_duration.clone(),
        );
        registry.register(
            "provider_throttled",
            "Requests that Twilio refused because there were too many (429), by what was too much",
            self.throttled.clone(),
        );
        registry.register(
            "delivery_status",
            "Status reports from Twilio that changed something; error codes that pg_herald does not know count as other",
            self.delivery_status.clone(),
        );
        registry.register(
            "webhook_requests",
            "Webhook requests by result",
            self.webhook_requests.clone(),
        );
        registry.register(
            "webhook_duration_seconds",
            "Time from the start of a webhook request to its answer",
            self.webhook_duration.clone(),
        );
        registry.register(
            "phone_verifications",
            "Answers of Twilio Verify, by step (start, check) and what they mean",
            self.verifications.clone(),
        );
        registry.register(
            "leases_expired",
            "Texts that became unknown because a lease ended without a result",
            self.leases_expired.clone(),
        );
        registry.register(
            "breakers_open",
            "What is out of order at Twilio now, by scope: account, sender or country",
            self.breakers_open.clone(),
        );
        registry.register(
            "breakers_opened",
            "How often something went out of order, by scope",
            self.breakers_opened.clone(),
        );
        registry.register(
            "db_reconnects",
            "Database connections that were lost and opened again",
            self.reconnects.clone(),
        );
        registry.register(
            "db_connected",
            "1 while the claiming connection is open",
            self.db_connected.clone(),
        );
        registry.register(
            "listen_connected",
            "1 while wake-ups arrive by NOTIFY",
            self.listen_connected.clone(),
        );
        registry.register(
            "poll_mode",
            "1 while work is found by polling only",
            self.poll_mode.clone(),
        );
        registry.register(
            "schema_version",
            "Version of the tables",
            self.schema_version.clone(),
        );
        registry.register(
            "clock_offset_seconds",
            "Clock of Postgres minus clock of this machine",
            self.clock_offset.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Claimed texts without a result",
            self.requests_in_flight.clone(),
        );
        registry.register(
            "results_waiting",
            "Results not yet written to Postgres",
            self.results_waiting.clone(),
        );
        self.queue.register(registry);
        self.consent.register(registry);
        self.protocol.register(registry);
        let build = Family::<Labels<1>, Gauge>::default();
        build
            .get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned())])
            .set(1);
        registry.register(
            "build_info",
            "1, labelled with the version of herald",
            build,
        );
    }

    /// One attempt ended.
    pub(crate) fn attempt(&self, answer: &Answer) {
        self.attempts
            .get_or_create(&[("outcome", answer.outcome.as_str().to_owned())])
            .inc();
        let class = match answer.http_status {
            Some(status) => format!("{}xx", status / 100),
            None if matches!(answer.reason, Some("connect" | "timeout" | "reset")) => {
                "none".to_owned()
            }
            None => return,
        };
        let seconds = Duration::from_millis(answer.elapsed_ms).as_secs_f64();
        let labels = [("method", "POST".to_owned()), ("status_class", class)];
        self.request_duration
            .get_or_create(&labels)
            .observe(seconds);
        if answer.http_status == Some(429) {
            let scope = answer
                .error_code
                .and_then(catalogue::lookup)
                .map_or("other", |code| code.scope.as_str());
            self.throttled
                .get_or_create(&[("scope", scope.to_owned())])
                .inc();
        }
    }

    /// Texts were claimed.
    pub(crate) fn claimed(&self, texts: usize) {
        self.claimed.inc_by(texts as u64);
    }

    /// Deliveries of a broadcast were written.
    pub(crate) fn fanned_out(&self, deliveries: u64) {
        self.fanned_out.inc_by(deliveries);
    }

    /// Twilio Verify answered, or did not.
    pub(crate) fn verification(&self, step: &str, verdict: &str) {
        self.verifications
            .get_or_create(&[("step", step.to_owned()), ("verdict", verdict.to_owned())])
            .inc();
    }

    /// What the sending protocol found out by itself.
    pub(crate) fn protocol(&self) -> &ProtocolMetrics {
        &self.protocol
    }

    /// Leases ended.
    pub(crate) fn leases_expired(&self, texts: u64) {
        self.leases_expired.inc_by(texts);
    }

    /// A breaker of this scope was found open.
    pub(crate) fn breaker_opened(&self, scope: &str) {
        self.breakers_opened
            .get_or_create(&[("scope", scope.to_owned())])
            .inc();
    }

    /// The scopes of all breakers that are open now.
    pub(crate) fn set_breakers<'a>(&self, scopes: impl Iterator<Item = &'a str>) {
        self.breakers_open.clear();
        for scope in scopes {
            self.breakers_open
                .get_or_create(&[("scope", scope.to_owned())])
                .inc();
        }
    }

    /// Counts database connections that were lost and opened again.
    pub(crate) fn reconnects(&self) -> Counter {
        self.reconnects.clone()
    }

    /// The claiming connection is open, or not.
    pub(crate) fn set_connected(&self, open: bool) {
        self.db_connected.set(i64::from(open));
    }

    /// Wake-ups arrive by NOTIFY, or not.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listen_connected.set(i64::from(listening));
        self.poll_mode.set(i64::from(!listening));
    }

    /// What the installation said.
    pub(crate) fn set_installation(&self, schema_version: i32, clock_offset_seconds: f64) {
        self.schema_version.set(i64::from(schema_version));
        self.clock_offset.set(clock_offset_seconds);
    }

    /// What this process holds.
    pub(crate) fn set_held(&self, sending: usize, unwritten: usize) {
        self.requests_in_flight
            .set(i64::try_from(sending).unwrap_or(i64::MAX));
        self.results_waiting
            .set(i64::try_from(unwritten).unwrap_or(i64::MAX));
    }

    /// A webhook request was answered.
    pub(crate) fn webhook(&self, kind: &str, result: &str, time: Duration) {
        self.webhook_requests
            .get_or_create(&[("kind", kind.to_owned()), ("result", result.to_owned())])
            .inc();
        self.webhook_duration
            .get_or_create(&[("kind", kind.to_owned())])
            .observe(time.as_secs_f64());
    }

    /// A status report changed something. Words and codes that we do not know are counted as `other`, so that nobody
    /// can make up labels.
    pub(crate) fn delivery_status(&self, twilio_status: &str, error_code: Option<i32>) {
        let status =
            MessageStatus::from_twilio(twilio_status).map_or("other", MessageStatus::as_str);
        let code = match error_code {
            None => String::new(),
            Some(code) if catalogue::lookup(code).is_some() => code.to_string(),
            Some(_) => "other".to_owned(),
        };
        self.delivery_status
            .get_or_create(&[("status", status.to_owned()), ("error_code", code)])
            .inc();
    }

    /// The queue's figures, set at each scrape.
    pub(crate) fn queue(&self) -> &QueueMetrics {
        &self.queue
    }

    /// The scrape, in the text format that every collector reads (`text/plain; version=0.0.4`).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            unreachable!("writing into a String does not fail");
        }
        with_counter_names(&text)
    }
}

/// OpenMetrics names a counter without `_total` in its HELP and TYPE lines and ends with `# EOF`; the older format has
/// neither.
fn with_counter_names(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut lines = openmetrics
        .lines()
        .filter(|line| *line != "# EOF")
        .peekable();
    while let Some(line) = lines.next() {
        let typed = lines.peek().and_then(|next| next.strip_prefix("# TYPE "));
        let counter = typed
            .or(line.strip_prefix("# TYPE "))
            .and_then(|typed| typed.strip_suffix(" counter"));
        match counter {
            Some(name) if line.starts_with('#') => {
                text.push_str(&line.replacen(name, &format!("{name}_total"), 1));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}
