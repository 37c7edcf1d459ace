//! What a scrape shows.

use herald_core::outcome::Outcome;

use super::*;
use crate::records::QueueStat;

#[test]
fn the_text_holds_what_was_counted() {
    let metrics = Metrics::new();
    metrics.attempt(&Answer {
        http_status: Some(201),
        reason: None,
        ..Answer::without_response(Outcome::Accepted, "", Duration::from_millis(120))
    });
    metrics.attempt(&Answer::without_response(
        Outcome::NotSent,
        "shutdown",
        Duration::ZERO,
    ));
    metrics.delivery_status("delivered", None);
    metrics.delivery_status("<script>", Some(-1));
    metrics.webhook("status", "ok", Duration::from_millis(3));
    metrics.verification("check", "wrong_code");
    metrics.queue().set(&[
        QueueStat {
            state: "due".into(),
            priority: "normal".into(),
            messages: 4,
            oldest_age_seconds: Some(1.5),
        },
        QueueStat {
            state: "unknown".into(),
            priority: "normal".into(),
            messages: 2,
            oldest_age_seconds: Some(90.0),
        },
    ]);
    let text = metrics.text();
    for line in [
        "herald_attempts_total{outcome=\"accepted\"} 1",
        "herald_attempts_total{outcome=\"not_sent\"} 1",
        "herald_provider_request_duration_seconds_count{method=\"POST\",status_class=\"2xx\"} 1",
        "herald_delivery_status_total{status=\"delivered\",error_code=\"\"} 1",
        "herald_delivery_status_total{status=\"other\",error_code=\"other\"} 1",
        "herald_webhook_requests_total{kind=\"status\",result=\"ok\"} 1",
        "herald_queue_messages{state=\"due\",priority=\"normal\"} 4",
        "herald_queue_oldest_pending_age_seconds{priority=\"normal\"} 1.5",
        "herald_attempts_unknown 2",
        "herald_phone_verifications_total{step=\"check\",verdict=\"wrong_code\"} 1",
        "herald_poll_mode 1",
        "herald_build_info{version=",
        "# TYPE herald_attempts_total counter",
        "# HELP herald_attempts_total Attempts to send a text",
        "# TYPE herald_leases_expired_total counter",
        "# TYPE herald_poll_mode gauge",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("EOF") && !text.contains("total_total"),
        "{text}"
    );
    metrics.queue().clear();
    let text = metrics.text();
    assert!(
        !text.contains("herald_queue_messages{") && !text.contains("unknown 2"),
        "{text}"
    );
}
