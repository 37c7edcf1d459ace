//! Limits: the queues of senders, requests at once.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::simulator::{HELLO, SERVICE, Simulator, eventually};

/// A simulator whose clock stands still and whose one sender has a queue of three seconds.
async fn with_short_queue() -> Simulator {
    let simulator = Simulator::start(&["--sender-queues", "--from", "+15005550006"]);
    let rates = json!({"sender_queues": {"us_long_code": 1, "queue_seconds": 3}});
    simulator.set("/settings", rates).await;
    simulator.set("/clock", json!({"speed": 0})).await;
    simulator
}

fn through_service(body: &str) -> [(&str, &str); 3] {
    [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", body),
    ]
}

#[tokio::test]
async fn a_sender_sends_one_segment_after_the_other() {
    let simulator = with_short_queue().await;
    let two_segments = "a".repeat(161);
    let long = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Body", &two_segments),
    ];
    simulator.accepted(&long).await;
    simulator.accepted(&HELLO).await;
    simulator.message_in_status(0, "delivered").await;
    simulator
        .set("/clock", json!({"advance_seconds": 1.9}))
        .await;
    let second = simulator.control("/messages").await["accepted"][1].clone();
    assert_eq!(second["status"], "queued");
    simulator
        .set("/clock", json!({"advance_seconds": 0.1}))
        .await;
    simulator.message_in_status(1, "delivered").await;
}

#[tokio::test]
async fn a_full_queue_refuses_a_create_with_from_and_fails_one_through_a_service() {
    let simulator = with_short_queue().await;
    for _ in 0..3 {
        simulator.accepted(&HELLO).await;
    }
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], 21611);

    let accepted = simulator.accepted(&through_service("Hello")).await;
    assert_eq!(accepted["status"], "accepted");
    let message = simulator.message_in_status(3, "failed").await;
    assert_eq!(message["error_code"], 30001);

    // What was refused with 429 is no message, not even a failed one.
    let list: Value = simulator
        .api(Method::GET, "/Messages.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["messages"].as_array().unwrap().len(), 4);

    simulator.set("/clock", json!({"advance_seconds": 1})).await;
    simulator.accepted(&HELLO).await;
}

#[tokio::test]
async fn a_message_that_expires_in_the_queue_fails_and_takes_no_place() {
    let simulator = with_short_queue().await;
    simulator.accepted(&HELLO).await;
    simulator.accepted(&HELLO).await;
    let short = [
        through_service("short").as_slice(),
        &[("ValidityPeriod", "1")],
    ]
    .concat();
    simulator.accepted(&short).await;
    simulator.message_in_status(2, "queued").await;
    simulator.accepted(&HELLO).await;
    simulator.set("/clock", json!({"advance_seconds": 1})).await;
    let expired = simulator.message_in_status(2, "failed").await;
    assert_eq!(expired["error_code"], 30036);
    simulator.set("/clock", json!({"advance_seconds": 1})).await;
    simulator.message_in_status(3, "delivered").await;
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_and_leave_nothing() {
    let simulator = Arc::new(Simulator::start(&["--concurrency-limit", "2"]));
    let answer = simulator.create(&HELLO).await.unwrap();
    assert_eq!(answer.headers()["twilio-concurrent-requests"], "1");
    assert!(answer.headers().contains_key("twilio-request-duration"));

    simulator
        .set("/next", json!({"count": 2, "fault": "stall_after"}))
        .await;
    let stalled = [0, 1].map(|_| {
        let simulator = Arc::clone(&simulator);
        tokio::spawn(async move { simulator.create(&HELLO).await })
    });
    let is_there = async || simulator.control("/stats").await["accepted"] == 3;
    eventually(async || is_there().await.then_some(())).await;
    let refused = simulator.create(&HELLO).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["twilio-concurrent-requests"], "3");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], 20429);
    let fetch = simulator.api(Method::GET, ".json").send().await.unwrap();
    assert_eq!(fetch.status(), 429);
    assert!(is_there().await);

    stalled.iter().for_each(JoinHandle::abort);
    eventually(async || {
        let answer = simulator.create(&HELLO).await.unwrap();
        (answer.status() == 201).then_some(())
    })
    .await;
}
