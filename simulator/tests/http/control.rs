//! The control endpoints, the start and the end of the process.

use std::net::TcpListener;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::simulator::{ACCOUNT, HELLO, Simulator, TOKEN};

#[tokio::test]
async fn what_was_accepted_is_listed_in_order_with_everything_that_was_sent() {
    let simulator = Simulator::start(&[]);
    for body in ["1", "2", "3"] {
        let params = [
            ("To", "+14155550100"),
            ("From", "+15005550006"),
            ("Body", body),
            ("ValidityPeriod", "60"),
        ];
        simulator.accepted(&params).await;
    }
    let all = simulator.control("/messages").await;
    assert_eq!(all["count"], 3);
    let second = &all["accepted"][1];
    assert_eq!(
        (&second["order"], &second["body"]),
        (&2.into(), &"2".into())
    );
    assert_eq!(second["params"]["ValidityPeriod"], "60");
    assert!(chrono::DateTime::parse_from_rfc3339(second["received_at"].as_str().unwrap()).is_ok());

    let part = simulator.control("/messages?since=1&limit=1").await;
    assert_eq!(part["count"], 3);
    assert_eq!(part["accepted"].as_array().unwrap().len(), 1);
    assert_eq!(part["accepted"][0]["order"], 2);
    assert_eq!(
        simulator.control("/messages?since=9").await["accepted"],
        json!([])
    );
}

#[tokio::test]
async fn every_create_request_is_listed_with_its_outcome() {
    let simulator = Simulator::start(&[]);
    let created = simulator.accepted(&HELLO).await;
    simulator.create(&[("To", "+14155550100")]).await.unwrap();
    simulator
        .set("/next", json!({"fault": "error_after", "http_status": 503}))
        .await;
    simulator.create(&HELLO).await.unwrap();

    let log = simulator.control("/requests").await;
    assert_eq!(log["count"], 3);
    let entry = |place: usize| {
        ["sid", "fault", "http_status", "code"].map(|key| log["requests"][place][key].clone())
    };
    assert_eq!(
        entry(0),
        [created["sid"].clone(), Value::Null, 201.into(), Value::Null]
    );
    assert_eq!(
        entry(1),
        [Value::Null, Value::Null, 400.into(), 21603.into()]
    );
    let messages = simulator.control("/messages").await;
    let faulted = messages["accepted"][1]["sid"].clone();
    assert_eq!(
        entry(2),
        [faulted, "error_after".into(), 503.into(), 20503.into()]
    );
    assert_eq!(log["requests"][2]["order"], 3);

    let stats = simulator.control("/stats").await;
    let counts =
        ["requests", "accepted", "refused", "faulted"].map(|key| stats[key].as_u64().unwrap());
    assert_eq!(counts, [3, 2, 1, 1]);
}

#[tokio::test]
async fn reset_forgets_everything_and_returns_to_the_command_line() {
    let simulator = Simulator::start(&[]);
    let before = simulator.control("/settings").await;
    simulator.accepted(&HELLO).await;
    simulator
        .set("/next", json!({"count": 9, "http_status": 500}))
        .await;
    let settings =
        json!({"callbacks": "none", "callback_delays_ms": {"sent": 9}, "final_status": "failed"});
    simulator.set("/settings", settings).await;
    assert_ne!(simulator.control("/settings").await, before);

    simulator.set("/reset", json!({})).await;
    assert_eq!(simulator.control("/settings").await, before);
    assert_eq!(
        simulator.control("/messages").await,
        json!({"accepted": [], "count": 0})
    );
    assert_eq!(
        simulator.control("/requests").await,
        json!({"requests": [], "count": 0})
    );
    assert_eq!(simulator.accepted(&HELLO).await["status"], "queued");
    assert_eq!(
        simulator.control("/messages").await["accepted"][0]["order"],
        1
    );
}

#[tokio::test]
async fn wrong_control_requests_say_what_is_wrong() {
    let simulator = Simulator::start(&[]);
    for (path, body) in [
        ("/next", "{\"fault\":\"explode\"}"),
        ("/settings", "{\"callback\":1}"),
        ("/next", "no json"),
    ] {
        let response = simulator
            .plain(Method::POST, &format!("/_sim{path}"))
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400);
        assert!(response.json::<Value>().await.unwrap()["error"].is_string());
    }
    let window = simulator
        .plain(Method::GET, "/_sim/messages?last=1")
        .send()
        .await
        .unwrap();
    assert_eq!(window.status(), 400);
    assert!(window.json::<Value>().await.unwrap()["error"].is_string());
    let nowhere = simulator
        .plain(Method::GET, "/_sim/nowhere")
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
    assert_eq!(simulator.control("/health").await, json!({"status": "ok"}));
}

#[tokio::test]
async fn sigterm_ends_it_at_once_and_names_what_is_cut_off() {
    let simulator = Simulator::start_with(&["--delay-sent-ms", "600000"]);
    let receiver = Receiver::start(&[]).await;
    simulator
        .accepted(&[HELLO.as_slice(), &[("StatusCallback", &receiver.url)]].concat())
        .await;
    let (code, log) = simulator.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("stopped with work left"), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("4155550100"), "{log}");
}

#[tokio::test]
async fn an_address_in_use_is_an_error_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_twilio-simulator"))
        .args(["--account-sid", ACCOUNT, "--auth-token", TOKEN, "--listen"])
        .arg(taken.local_addr().unwrap().to_string())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--listen")
    );
}
