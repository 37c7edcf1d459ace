//! Status callbacks: order, parameters, signature, retries, modes. The receiver refuses what is not signed correctly.

use serde_json::{Value, json};

use crate::receiver::{Receiver, statuses};
use crate::simulator::{ACCOUNT, HELLO, SERVICE, Simulator, eventually};

/// An ordinary create with a StatusCallback.
fn reported_to(url: &str) -> Vec<(&str, &str)> {
    [HELLO.as_slice(), &[("StatusCallback", url)]].concat()
}

/// Waits until the one message has this status and all its callbacks are done; returns the statistics.
async fn finished_as(simulator: &Simulator, status: &str) -> Value {
    eventually(async || {
        let stats = simulator.control("/stats").await;
        let is_finished = stats["by_status"][status] == 1 && stats["callbacks"]["waiting"] == 0;
        is_finished.then_some(stats)
    })
    .await
}

#[tokio::test]
async fn every_change_after_the_first_status_is_reported_and_signed() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    let callback = format!(
        "{}/twilio/status?m=1&a=2#ct=3000&rt=10000&tt=15000&rc=5&rp=all",
        receiver.url
    );
    let created = simulator
        .accepted(&[
            ("To", "+14155550100"),
            ("MessagingServiceSid", SERVICE),
            ("Body", "Grüße 😜"),
            ("StatusCallback", &callback),
        ])
        .await;
    let received = receiver.wait_for(3).await;
    assert_eq!(statuses(&received), ["queued", "sent", "delivered"]);
    for callback in &received {
        assert_eq!(callback.target, "/twilio/status?m=1&a=2");
        let value = |name: &str| callback.params.get(name).map(String::as_str);
        assert_eq!(value("MessageSid"), created["sid"].as_str());
        assert_eq!(value("SmsSid"), created["sid"].as_str());
        assert_eq!(value("SmsStatus"), value("MessageStatus"));
        assert_eq!(value("AccountSid"), Some(ACCOUNT));
        assert_eq!(value("To"), Some("+14155550100"));
        assert_eq!(value("From"), Some("+15005550006"));
        assert_eq!(value("MessagingServiceSid"), Some(SERVICE));
        assert_eq!(value("ApiVersion"), Some("2010-04-01"));
        assert_eq!(value("ErrorCode"), None);
        assert_eq!(
            value("RawDlrDoneDate").is_some(),
            value("MessageStatus") == Some("delivered")
        );
    }
    let tokens: std::collections::HashSet<_> = received
        .iter()
        .map(|callback| &callback.idempotency_token)
        .collect();
    assert_eq!(tokens.len(), 3);

    let message = simulator.message_in_status(0, "delivered").await;
    let history: Vec<_> = message["status_history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["status"])
        .collect();
    assert_eq!(history, ["accepted", "queued", "sent", "delivered"]);
    let callbacks = message["callbacks"].as_array().unwrap();
    assert!(
        callbacks
            .iter()
            .all(|callback| callback["http_status"] == 204)
    );
}

#[tokio::test]
async fn the_end_can_be_an_error_with_its_code() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .set(
            "/settings",
            json!({"final_status": "undelivered", "error_code": 30003}),
        )
        .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let received = receiver.wait_for(2).await;
    assert_eq!(statuses(&received), ["sent", "undelivered"]);
    assert_eq!(received[0].params.get("ErrorCode"), None);
    assert_eq!(received[1].params["ErrorCode"], "30003");

    simulator
        .set(
            "/settings",
            json!({"final_status": "failed", "error_code": 30001}),
        )
        .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let received = receiver.wait_for(3).await;
    assert_eq!(statuses(&received[2..]), ["failed"]);
    assert_eq!(received[2].params["ErrorCode"], "30001");
    let message = simulator.message_in_status(1, "failed").await;
    assert_eq!(message["error_code"], 30001);
}

#[tokio::test]
async fn by_default_an_error_of_the_receiver_is_not_repeated() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[503]).await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let stats = finished_as(&simulator, "delivered").await;
    assert_eq!(statuses(&receiver.received()), ["sent", "delivered"]);
    assert_eq!(
        stats["callbacks"],
        json!({"confirmed": 1, "failed": 1, "lost": 0, "waiting": 0})
    );
}

#[tokio::test]
async fn retries_follow_the_fragment_and_keep_their_token() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[503, 404]).await;
    let callback = format!("{}/#rc=2&rp=4xx,5xx", receiver.url);
    simulator.accepted(&reported_to(&callback)).await;
    let received = receiver.wait_for(4).await;
    assert_eq!(statuses(&received), ["sent", "sent", "sent", "delivered"]);
    assert_eq!(received[0].idempotency_token, received[2].idempotency_token);
    assert_ne!(received[2].idempotency_token, received[3].idempotency_token);

    let message = simulator.message_in_status(0, "delivered").await;
    let answers: Vec<_> = message["callbacks"].as_array().unwrap()[..3]
        .iter()
        .map(|callback| &callback["http_status"])
        .collect();
    assert_eq!(answers, [503, 404, 204]);
}

#[tokio::test]
async fn a_receiver_that_is_away_is_called_once_more() {
    let simulator = Simulator::start(&[]);
    // Bound, so that nobody else gets the port, but not listening.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    simulator.accepted(&reported_to(&url)).await;
    let stats = finished_as(&simulator, "delivered").await;
    assert_eq!(stats["callbacks"]["failed"], 4);
    let message = simulator.message_in_status(0, "delivered").await;
    for callback in message["callbacks"].as_array().unwrap() {
        assert_eq!(
            (&callback["http_status"], &callback["error"]),
            (&Value::Null, &"no_connection".into())
        );
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_left_after_its_read_time() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/settings", json!({"final_status": "sent"}))
        .await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/#rt=100&rc=1&rp=rt", silent.local_addr().unwrap());
    simulator.accepted(&reported_to(&url)).await;
    let stats = finished_as(&simulator, "sent").await;
    assert_eq!(stats["callbacks"]["failed"], 2);
    let message = simulator.message_in_status(0, "sent").await;
    assert_eq!(message["callbacks"][1]["error"], "no_answer");
}

#[tokio::test]
async fn none_changes_statuses_without_a_word() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .set("/settings", json!({"callbacks": "none"}))
        .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let message = simulator.message_in_status(0, "delivered").await;
    assert_eq!(message["callbacks"], json!([]));
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn early_reports_everything_before_the_answer() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .set("/settings", json!({"callbacks": "early"}))
        .await;
    let created = simulator.accepted(&reported_to(&receiver.url)).await;
    assert_eq!(statuses(&receiver.received()), ["sent", "delivered"]);
    assert_eq!(created["status"], "queued");
}

#[tokio::test]
async fn duplicate_sends_each_report_twice_with_one_token() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .set("/settings", json!({"callbacks": "duplicate"}))
        .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let received = receiver.wait_for(4).await;
    assert_eq!(
        statuses(&received),
        ["sent", "sent", "delivered", "delivered"]
    );
    assert_eq!(received[0].idempotency_token, received[1].idempotency_token);
}

#[tokio::test]
async fn reverse_sends_the_last_report_first() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .set("/settings", json!({"callbacks": "reverse"}))
        .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    assert_eq!(statuses(&receiver.wait_for(2).await), ["delivered", "sent"]);
}
