//! The clock: what waits for it, and how tests move it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::{Receiver, statuses};
use crate::simulator::{HELLO, SERVICE, Simulator, eventually};

const NOON: &str = "2026-11-22T12:00:00Z";

/// A simulator whose clock stands still at noon; messages take 10 s to be sent and 20 s to be delivered.
async fn at_noon() -> Simulator {
    let simulator = Simulator::start_with(&[
        "--delay-queued-ms",
        "5000",
        "--delay-sent-ms",
        "10000",
        "--delay-delivered-ms",
        "20000",
    ]);
    simulator
        .set("/clock", json!({"set": NOON, "speed": 0}))
        .await;
    simulator
}

async fn advance(simulator: &Simulator, seconds: f64) {
    let change = json!({"advance_seconds": seconds});
    simulator.set("/clock", change).await;
}

/// Statuses and the seconds after noon at which they were reached.
fn history(message: &Value) -> Vec<(String, i64)> {
    let noon = chrono::DateTime::parse_from_rfc3339(NOON).unwrap();
    let changes = message["status_history"].as_array().unwrap();
    changes
        .iter()
        .map(|change| {
            let at = chrono::DateTime::parse_from_rfc3339(change["at"].as_str().unwrap()).unwrap();
            let status = change["status"].as_str().unwrap().to_owned();
            (status, (at - noon).num_seconds())
        })
        .collect()
}

fn expected(steps: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = steps.iter().map(|&(status, at)| (status.to_owned(), at));
    owned.collect()
}

#[tokio::test]
async fn messages_move_when_the_clock_does() {
    let simulator = at_noon().await;
    let created = simulator.accepted(&HELLO).await;
    assert_eq!(created["date_created"], "Sun, 22 Nov 2026 12:00:00 +0000");
    advance(&simulator, 9.0).await;
    assert_eq!(
        simulator.control("/messages").await["accepted"][0]["status"],
        "queued"
    );
    advance(&simulator, 1.0).await;
    simulator.message_in_status(0, "sent").await;
    advance(&simulator, 20.0).await;
    let message = simulator.message_in_status(0, "delivered").await;
    let steps = [("queued", 0), ("sent", 10), ("delivered", 30)];
    assert_eq!(history(&message), expected(&steps));
}

#[tokio::test]
async fn one_long_step_takes_a_message_through_its_whole_course() {
    let simulator = at_noon().await;
    let receiver = Receiver::start(&[]).await;
    let service = [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", "Hello"),
        ("StatusCallback", &receiver.url),
    ];
    simulator.accepted(&service).await;
    advance(&simulator, 3600.0).await;
    simulator.message_in_status(0, "delivered").await;
    let received = receiver.wait_for(3).await;
    assert_eq!(statuses(&received), ["queued", "sent", "delivered"]);
    assert_eq!(received[2].params["RawDlrDoneDate"], "2611221300");
}

#[tokio::test]
async fn a_scheduled_message_leaves_at_its_time() {
    let simulator = at_noon().await;
    let scheduled = [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", "Hello"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-11-22T13:00:00Z"),
    ];
    assert_eq!(simulator.accepted(&scheduled).await["status"], "scheduled");
    advance(&simulator, 3599.0).await;
    assert_eq!(
        simulator.control("/messages").await["accepted"][0]["status"],
        "scheduled"
    );
    advance(&simulator, 1.0).await;
    simulator.message_in_status(0, "queued").await;
    advance(&simulator, 30.0).await;
    let message = simulator.message_in_status(0, "delivered").await;
    assert_eq!(history(&message)[1], ("queued".to_owned(), 3600));
    assert_eq!(message["from"], "+15005550006");
}

#[tokio::test]
async fn what_is_not_sent_within_its_validity_fails_with_30036() {
    let simulator = at_noon().await;
    let receiver = Receiver::start(&[]).await;
    let short = [
        HELLO.as_slice(),
        &[("ValidityPeriod", "9"), ("StatusCallback", &receiver.url)],
    ]
    .concat();
    let created = simulator.accepted(&short).await;
    let long = [HELLO.as_slice(), &[("ValidityPeriod", "10")]].concat();
    simulator.accepted(&long).await;
    advance(&simulator, 9.0).await;
    let message = simulator.message_in_status(0, "failed").await;
    assert_eq!(message["error_code"], 30036);
    assert_eq!(history(&message), expected(&[("queued", 0), ("failed", 9)]));
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].params["ErrorCode"], "30036");
    advance(&simulator, 1.0).await;
    simulator.message_in_status(1, "sent").await;

    let uri = created["uri"].as_str().unwrap();
    let fetched: Value = simulator
        .host(Method::GET, uri)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (
            &fetched["status"],
            &fetched["error_code"],
            &fetched["price"]
        ),
        (&json!("failed"), &json!(30036), &Value::Null)
    );
    assert!(fetched["error_message"].is_string());
}

#[tokio::test]
async fn pauses_between_tries_of_a_callback_follow_the_clock() {
    let simulator = Simulator::start(&[]);
    simulator.set("/clock", json!({"speed": 0})).await;
    let receiver = Receiver::start(&[503, 503]).await;
    let callback = format!("{}/#rc=2&rp=5xx", receiver.url);
    let params = [HELLO.as_slice(), &[("StatusCallback", &callback)]].concat();
    simulator
        .set("/settings", json!({"final_status": "sent"}))
        .await;
    simulator.accepted(&params).await;
    receiver.wait_for(1).await;
    // An hour is no loss: the time for all tries counts the pauses as they are meant.
    for tries in [2, 3] {
        eventually(async || {
            advance(&simulator, 3600.0).await;
            (receiver.received().len() >= tries).then_some(())
        })
        .await;
    }
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].idempotency_token, received[2].idempotency_token);
}

#[tokio::test]
async fn a_fast_clock_needs_no_moving() {
    let simulator = at_noon().await;
    simulator.accepted(&HELLO).await;
    let face: Value = simulator
        .set("/clock", json!({"speed": 1000}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(face["speed"], 1000.0);
    simulator.message_in_status(0, "delivered").await;
    simulator.set("/reset", json!({})).await;
    let face = simulator.control("/clock").await;
    assert_eq!(face["speed"], 1.0);
    assert!(face["ahead_seconds"].as_f64().unwrap().abs() < 60.0);
}

#[tokio::test]
async fn a_change_without_sense_is_refused() {
    let simulator = at_noon().await;
    for wrong in [
        json!({"advance_seconds": -1}),
        json!({"speed": -1}),
        json!({"to": NOON}),
    ] {
        let response = simulator
            .plain(Method::POST, "/_sim/clock")
            .json(&wrong)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{wrong}");
    }
    let now = simulator.control("/clock").await["now"].clone();
    assert_eq!(now, NOON);
}
