//! Rules: certain messages take a path of their own.

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::{Receiver, statuses};
use crate::simulator::{HELLO, SERVICE, Simulator};

fn text<'a>(to: &'a str, body: &'a str) -> [(&'a str, &'a str); 3] {
    [("To", to), ("From", "+15005550006"), ("Body", body)]
}

/// Statuses of the message at this place, in the order they were reached.
async fn history(simulator: &Simulator, place: usize) -> Vec<String> {
    let messages = simulator.control("/messages").await;
    let history = messages["accepted"][place]["status_history"].as_array();
    let statuses = history.unwrap().iter().map(|change| &change["status"]);
    statuses
        .map(|status| status.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn numbers_and_texts_choose_path_code_and_refusal() {
    let simulator =
        Simulator::start(&["--rule", r#"{"to":"+14155550104","refuse":{"code":21610}}"#]);
    for rule in [
        json!({"to": "+44*", "refuse": {"code": 21408, "http_status": 400}}),
        json!({"body": "*code*", "path": ["sent", {"status": "undelivered", "error_code": 30003}]}),
        json!({"to": "+1415555020?", "error_code": 30007, "path": ["failed"]}),
    ] {
        simulator.set("/rules", rule).await;
    }
    for (params, code) in [
        (text("+14155550104", "Hello"), 21610),
        (text("+447700900123", "Hello"), 21408),
    ] {
        let response = simulator.create(&params).await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code);
    }
    simulator
        .accepted(&text("+14155550100", "Your code: 1"))
        .await;
    simulator.accepted(&text("+14155550201", "Hello")).await;
    simulator.accepted(&text("+14155550100", "Hello")).await;
    let undelivered = simulator.message_in_status(0, "undelivered").await;
    assert_eq!(undelivered["error_code"], 30003);
    let failed = simulator.message_in_status(1, "failed").await;
    assert_eq!(failed["error_code"], 30007);
    simulator.message_in_status(2, "delivered").await;

    let shown = simulator.control("/rules").await;
    let applied: Vec<_> = shown["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["applied"])
        .collect();
    assert_eq!(applied, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_path_may_be_unusual_and_is_reported_step_by_step() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    let path = [
        "queued",
        "sending",
        "sent",
        "undelivered",
        "delivered",
        "read",
    ];
    simulator.set("/rules", json!([{"path": path}])).await;
    let params = [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", "Hello"),
        ("StatusCallback", &receiver.url),
    ];
    simulator.accepted(&params).await;
    let received = receiver.wait_for(6).await;
    assert_eq!(statuses(&received), path);
    assert_eq!(received[3].params["ErrorCode"], "30008");
    assert_eq!(received[4].params.get("ErrorCode"), None);
    assert_eq!(history(&simulator, 0).await[0], "accepted");
}

#[tokio::test]
async fn a_path_ends_where_nothing_can_follow_and_may_be_empty() {
    let simulator = Simulator::start(&[]);
    let rules = json!([
        {"to": "+14155550101", "path": ["failed", "delivered"]},
        {"to": "+14155550102", "path": []},
        {"to": "+14155550103", "path": ["delivered", "sent"]},
    ]);
    simulator.set("/rules", rules).await;
    for to in ["+14155550101", "+14155550102", "+14155550103"] {
        simulator.accepted(&text(to, "Hello")).await;
    }
    simulator.message_in_status(2, "delivered").await;
    simulator.message_in_status(0, "failed").await;
    assert_eq!(history(&simulator, 0).await, ["queued", "failed"]);
    assert_eq!(history(&simulator, 1).await, ["queued"]);
    assert_eq!(history(&simulator, 2).await, ["queued", "delivered"]);
}

#[tokio::test]
async fn a_rule_may_hold_only_so_often() {
    let simulator = Simulator::start(&[]);
    let rule = json!({"times": 2, "refuse": {"code": 20429}});
    simulator.set("/rules", rule).await;
    for expected in [429, 429, 201] {
        let response = simulator.create(&HELLO).await.unwrap();
        assert_eq!(response.status(), expected);
    }
}

#[tokio::test]
async fn rules_come_from_a_file_and_reset_returns_to_it() {
    let file = std::env::temp_dir().join(format!(
        "twilio-simulator-rules-{}.json",
        std::process::id()
    ));
    std::fs::write(&file, r#"[{"body":"*","refuse":{"code":30007}}]"#).unwrap();
    let simulator = Simulator::start(&["--rules", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 400);
    let deleted = simulator
        .plain(Method::DELETE, "/_sim/rules")
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 204);
    simulator.accepted(&HELLO).await;
    simulator.set("/reset", json!({})).await;
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 400);

    let wrong = simulator
        .plain(Method::POST, "/_sim/rules")
        .json(&json!({"to": "+1*"}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 400);
}
