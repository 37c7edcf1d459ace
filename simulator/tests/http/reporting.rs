//! What can happen to callbacks on their way, and to whom they go.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::receiver::{Receiver, statuses};
use crate::simulator::{HELLO, SERVICE, Simulator, eventually};

/// A create through a Messaging Service, so with three callbacks.
fn reported_to(url: &str) -> [(&str, &str); 4] {
    [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", "Hello"),
        ("StatusCallback", url),
    ]
}

async fn set(simulator: &Simulator, settings: Value) {
    simulator.set("/settings", settings).await;
}

#[tokio::test]
async fn lost_callbacks_are_recorded_and_not_sent() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    set(&simulator, json!({"callbacks": "lost"})).await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    let stats = eventually(async || {
        let stats = simulator.control("/stats").await;
        (stats["callbacks"]["lost"] == 3).then_some(stats)
    })
    .await;
    assert_eq!(stats["callbacks"]["waiting"], 0);
    assert!(receiver.received().is_empty());
    let message = simulator.message_in_status(0, "delivered").await;
    let callbacks = message["callbacks"].as_array().unwrap();
    let shown: Vec<_> = callbacks
        .iter()
        .map(|callback| {
            (
                &callback["status"],
                &callback["error"],
                &callback["http_status"],
            )
        })
        .collect();
    let lost = json!("lost");
    let expected = [json!("queued"), json!("sent"), json!("delivered")];
    assert_eq!(
        shown,
        expected
            .each_ref()
            .map(|status| (status, &lost, &Value::Null))
    );
}

#[tokio::test]
async fn late_callbacks_come_when_the_clock_says_so_and_hold_nothing_up() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    simulator.set("/clock", json!({"speed": 0})).await;
    set(
        &simulator,
        json!({"callbacks": "late", "callback_late_ms": 60_000}),
    )
    .await;
    simulator.accepted(&reported_to(&receiver.url)).await;
    simulator.message_in_status(0, "delivered").await;
    assert!(receiver.received().is_empty());
    // A callback counts its minute from when it is on its way: on a busy machine that is after the first minute here.
    eventually(async || {
        simulator
            .set("/clock", json!({"advance_seconds": 60}))
            .await;
        (receiver.received().len() == 3).then_some(())
    })
    .await;
    let mut received = receiver.received();
    received.sort_by_key(|callback| callback.params["MessageStatus"].clone());
    assert_eq!(statuses(&received), ["delivered", "queued", "sent"]);
}

#[tokio::test]
async fn shuffled_callbacks_depend_on_the_seed() {
    let mut orders = Vec::new();
    for seed in [1, 1, 2, 3, 4, 5, 6, 7] {
        let seed = seed.to_string();
        let simulator = Simulator::start(&["--fault-seed", &seed]);
        let receiver = Receiver::start(&[]).await;
        set(&simulator, json!({"callbacks": "shuffle"})).await;
        simulator.accepted(&reported_to(&receiver.url)).await;
        let received = receiver.wait_for(3).await;
        orders.push(statuses(&received).join(" "));
    }
    assert_eq!(orders[0], orders[1]);
    assert!(orders.iter().any(|order| *order != orders[0]), "{orders:?}");
    assert!(orders.iter().any(|order| order != "queued sent delivered"));
}

#[tokio::test]
async fn an_early_callback_that_would_take_hours_does_not_hold_the_answer() {
    let simulator = Simulator::start_with(&["--delay-sent-ms", "3600000"]);
    let receiver = Receiver::start(&[]).await;
    set(&simulator, json!({"callbacks": "early"})).await;
    let created = simulator.accepted(&reported_to(&receiver.url)).await;
    assert_eq!(created["status"], "accepted");
    assert_eq!(statuses(&receiver.received()), ["queued"]);
}

#[tokio::test]
async fn a_service_has_a_callback_of_its_own_and_the_create_goes_before_it() {
    let own = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--service-status-callback", &own.url]);
    let named = Receiver::start(&[]).await;
    simulator.accepted(&HELLO).await;
    simulator.accepted(&reported_to(&named.url)).await;
    named.wait_for(3).await;
    assert!(own.received().is_empty());
    simulator.accepted(&reported_to("")[..3]).await;
    assert_eq!(
        statuses(&own.wait_for(3).await),
        ["queued", "sent", "delivered"]
    );
}

#[tokio::test]
async fn a_fragment_twilio_would_refuse_is_named_and_the_defaults_hold() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[503]).await;
    let callback = format!("{}/#rc=5&rp=all&ct=50", receiver.url);
    simulator.accepted(&reported_to(&callback)).await;
    receiver.wait_for(3).await;
    let message = simulator.message_in_status(0, "delivered").await;
    let refused = message["refused_override"].as_str().unwrap();
    assert!(refused.contains("ct=50"), "{refused}");
    // By default a 503 is not repeated.
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn credentials_in_the_url_are_sent_when_they_are_asked_for() {
    type Seen = Arc<Mutex<Vec<Option<String>>>>;
    async fn receive(seen: Seen, headers: HeaderMap) -> impl IntoResponse {
        let credentials = headers.get(header::AUTHORIZATION);
        let credentials = credentials.map(|value| value.to_str().unwrap().to_owned());
        let status = match credentials {
            Some(_) => StatusCode::NO_CONTENT,
            None => StatusCode::UNAUTHORIZED,
        };
        seen.lock().unwrap().push(credentials);
        (
            status,
            [(header::WWW_AUTHENTICATE, "Basic realm=\"hooks\"")],
        )
    }
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback({
        let seen = Arc::clone(&seen);
        move |headers| receive(Arc::clone(&seen), headers)
    });
    tokio::spawn(async move { axum::serve(listener, router).await });

    let simulator = Simulator::start(&[]);
    set(&simulator, json!({"final_status": "sent"})).await;
    let url = format!("http://hook:s%40cret@{address}/status");
    let params = [HELLO.as_slice(), &[("StatusCallback", url.as_str())]].concat();
    simulator.accepted(&params).await;
    eventually(async || {
        (simulator.control("/stats").await["callbacks"]["confirmed"] == 1).then_some(())
    })
    .await;
    let expected = format!("Basic {}", STANDARD.encode("hook:s@cret"));
    assert_eq!(*seen.lock().unwrap(), [None, Some(expected)]);
}
