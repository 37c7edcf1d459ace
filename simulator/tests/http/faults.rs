//! Planned faults, seen from the client's side of the wire.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::simulator::{ACCOUNT, HELLO, Simulator, TOKEN, eventually};

/// Sends an ordinary create over a socket of its own.
async fn create_over_a_socket(simulator: &Simulator) -> TcpStream {
    let address = simulator.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = "To=%2B14155550100&From=%2B15005550006&Body=Hello";
    let credentials = STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
    let request = format!(
        "POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn accepted_count(simulator: &Simulator) -> Value {
    simulator.control("/stats").await["accepted"].clone()
}

#[tokio::test]
async fn an_error_before_acceptance_leaves_no_message() {
    let simulator = Simulator::start(&[]);
    simulator
        .set(
            "/next",
            json!({"count": 2, "http_status": 503, "code": 20503}),
        )
        .await;
    for _ in 0..2 {
        let response = simulator.create(&HELLO).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.json::<Value>().await.unwrap()["code"], 20503);
    }
    assert_eq!(accepted_count(&simulator).await, 0);
    simulator.accepted(&HELLO).await;
}

#[tokio::test]
async fn an_error_after_acceptance_leaves_a_message_that_is_delivered() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "error_after"}))
        .await;
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], 20500);
    simulator.message_in_status(0, "delivered").await;
    assert_eq!(
        simulator.control("/requests").await["requests"][0]["http_status"],
        500
    );
}

#[tokio::test]
async fn reset_after_acceptance_is_a_tcp_reset_without_a_byte() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "reset_after"}))
        .await;
    let mut stream = create_over_a_socket(&simulator).await;
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(answer.is_empty());
    assert_eq!(accepted_count(&simulator).await, 1);

    // Only that one connection was touched.
    simulator.accepted(&HELLO).await;
    simulator
        .set("/next", json!({"fault": "reset_after"}))
        .await;
    assert!(simulator.create(&HELLO).await.is_err());
    assert_eq!(accepted_count(&simulator).await, 3);
}

#[tokio::test]
async fn stall_after_acceptance_holds_the_answer_until_the_client_leaves() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "stall_after"}))
        .await;
    let mut stream = create_over_a_socket(&simulator).await;
    eventually(async || (accepted_count(&simulator).await == 1).then_some(())).await;
    simulator.message_in_status(0, "delivered").await;
    let mut byte = [0];
    let silence = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await;
    assert!(silence.is_err(), "an answer came");
    drop(stream);
    assert_eq!(
        simulator.control("/requests").await["requests"][0]["http_status"],
        Value::Null
    );
    simulator.accepted(&HELLO).await;
}

#[tokio::test]
async fn html_502_is_a_page_and_no_message() {
    let simulator = Simulator::start(&[]);
    simulator.set("/next", json!({"fault": "html_502"})).await;
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.text().await.unwrap().starts_with("<html>"));
    assert_eq!(accepted_count(&simulator).await, 0);
}

#[tokio::test]
async fn latency_delays_the_answer_and_not_the_acceptance() {
    let simulator = Simulator::start(&[]);
    simulator.set("/next", json!({"latency_ms": 600_000})).await;
    let _stream = create_over_a_socket(&simulator).await;
    simulator.message_in_status(0, "delivered").await;
}

#[tokio::test]
async fn a_plan_of_several_faults_is_met_in_order_and_replaced_by_the_next() {
    let simulator = Simulator::start(&[]);
    let plan = json!([{"http_status": 429}, {"count": 5, "code": 21610}]);
    let answer: Value = simulator.set("/next", plan).await.json().await.unwrap();
    assert_eq!(answer, json!({"planned": 6}));
    let code = async || {
        simulator
            .create(&HELLO)
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()["code"]
            .clone()
    };
    assert_eq!(code().await, 20429);
    assert_eq!(code().await, 21610);
    assert_eq!(simulator.control("/stats").await["faults_planned"], 4);

    simulator.set("/next", json!([])).await;
    simulator.accepted(&HELLO).await;
}

#[tokio::test]
async fn a_request_without_credentials_uses_up_no_fault() {
    let simulator = Simulator::start(&[]);
    simulator.set("/next", json!({"code": 21610})).await;
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let anonymous = simulator
        .plain(reqwest::Method::POST, &path)
        .form(&HELLO)
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), 401);
    assert_eq!(simulator.control("/stats").await["faults_planned"], 1);
}

#[tokio::test]
async fn a_stalled_request_does_not_hold_up_the_end_and_is_named() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "stall_after"}))
        .await;
    let _stream = create_over_a_socket(&simulator).await;
    simulator.message_in_status(0, "delivered").await;
    let (code, log) = simulator.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("get no answer"), "{log}");
}

#[tokio::test]
async fn before_and_after_differ_in_whether_a_message_is_there() {
    let simulator = Simulator::start(&[]);
    for (fault, accepted) in [("reset_before", 0), ("reset_after", 1)] {
        simulator.set("/next", json!({"fault": fault})).await;
        assert!(simulator.create(&HELLO).await.is_err(), "{fault}");
        assert_eq!(accepted_count(&simulator).await, accepted, "{fault}");
    }
    simulator
        .set("/next", json!({"fault": "stall_before"}))
        .await;
    let mut stream = create_over_a_socket(&simulator).await;
    eventually(async || (simulator.control("/stats").await["requests"] == 3).then_some(())).await;
    let mut byte = [0];
    let silence = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(silence.is_err(), "an answer came");
    assert_eq!(accepted_count(&simulator).await, 1);
}

#[tokio::test]
async fn reset_mid_answer_breaks_off_in_the_201() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "reset_mid_answer"}))
        .await;
    let mut stream = create_over_a_socket(&simulator).await;
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap().parse().unwrap();
    assert!(!body.is_empty() && body.len() < length, "{answer}");

    simulator
        .set("/next", json!({"fault": "reset_mid_answer"}))
        .await;
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.bytes().await.is_err());
    simulator.message_in_status(1, "delivered").await;
}

#[tokio::test]
async fn an_unreadable_201_is_complete_and_no_json() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/next", json!({"fault": "unreadable_201"}))
        .await;
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = response.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&body).is_err(), "{body}");
    let message = simulator.message_in_status(0, "delivered").await;
    assert_eq!(message["fault"], "unreadable_201");
}

#[tokio::test]
async fn errors_are_written_in_every_form_a_client_may_meet() {
    let simulator = Simulator::start(&[]);
    let plan = json!([
        {"code": 20503, "error_body": "problem"},
        {"fault": "error_after", "http_status": 500, "error_body": "html"},
        {"http_status": 504, "error_body": "empty"},
    ]);
    simulator.set("/next", plan).await;
    let problem = simulator.create(&HELLO).await.unwrap();
    assert_eq!(problem.status(), 503);
    assert_eq!(
        problem.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = problem.json().await.unwrap();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&503.into(), &20503.into())
    );
    assert!(problem["title"].is_string() && problem["type"].is_string());
    assert_eq!(problem["message"], Value::Null);

    let page = simulator.create(&HELLO).await.unwrap();
    assert_eq!(page.status(), 500);
    assert!(page.text().await.unwrap().starts_with("<html>"));
    let empty = simulator.create(&HELLO).await.unwrap();
    assert_eq!(empty.status(), 504);
    assert_eq!(empty.text().await.unwrap(), "");
    assert_eq!(accepted_count(&simulator).await, 1);
    let log = simulator.control("/requests").await;
    let codes: Vec<_> = log["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["code"])
        .collect();
    assert_eq!(codes, [&json!(20503), &Value::Null, &Value::Null]);
    assert_eq!(log["requests"][0]["modifiers"], json!(["problem_body"]));
}

#[tokio::test]
async fn a_slow_body_comes_in_pieces_after_a_quick_head() {
    let simulator = Simulator::start(&[]);
    simulator
        .set(
            "/next",
            json!([{"body_ms": 600_000}, {"body_ms": 200, "latency_ms": 10}]),
        )
        .await;
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 201);
    let body = tokio::time::timeout(Duration::from_millis(200), response.bytes()).await;
    assert!(body.is_err(), "the whole body came");

    let slow = simulator.accepted(&HELLO).await;
    assert_eq!(slow["status"], "queued");
    let log = simulator.control("/requests").await;
    assert_eq!(
        log["requests"][1]["modifiers"],
        json!(["slow_answer", "slow_body"])
    );
    assert_eq!(log["requests"][1]["fault"], Value::Null);
}
