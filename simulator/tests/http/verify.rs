//! Verify v2: the whole life of a verification, its counters and refusals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::simulator::{ACCOUNT, Simulator};

const SERVICE: &str = "VA00000000000000000000000000000001";
const TO: &str = "+14155550100";

/// POST to the service; HTTP status and body.
async fn post(simulator: &Simulator, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let path = format!("/v2/Services/{SERVICE}/{path}");
    let request = simulator.host(Method::POST, &path).form(form);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(simulator: &Simulator, path: &str) -> (u16, Value) {
    let path = format!("/v2/Services/{SERVICE}/{path}");
    let response = simulator.host(Method::GET, &path).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn start(simulator: &Simulator, to: &str) -> (u16, Value) {
    post(
        simulator,
        "Verifications",
        &[("To", to), ("Channel", "sms")],
    )
    .await
}

async fn check(simulator: &Simulator, code: &str) -> (u16, Value) {
    post(
        simulator,
        "VerificationCheck",
        &[("To", TO), ("Code", code)],
    )
    .await
}

fn refused((status, body): (u16, Value)) -> (u16, i64) {
    assert_eq!(body["status"], status);
    (status, body["code"].as_i64().unwrap())
}

#[tokio::test]
async fn a_verification_from_start_to_approval() {
    let simulator = Simulator::start(&[]);
    let (status, started) = start(&simulator, TO).await;
    assert_eq!(status, 201);
    let sid = started["sid"].as_str().unwrap();
    assert!(sid.starts_with("VE") && sid.len() == 34, "{sid}");
    assert_eq!(started["status"], "pending");
    assert_eq!(started["valid"], false);
    assert_eq!(started["to"], TO);
    assert_eq!(started["channel"], "sms");
    assert_eq!(started["service_sid"], SERVICE);
    assert_eq!(started["account_sid"], ACCOUNT);
    assert_eq!(started["lookup"], json!({"carrier": null}));
    for absent in ["amount", "payee", "sna"] {
        assert_eq!(started.get(absent), Some(&Value::Null), "{absent}");
    }
    let attempts = started["send_code_attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert!(
        attempts[0]["attempt_sid"]
            .as_str()
            .unwrap()
            .starts_with("VL")
    );
    let url = format!(
        "{}/v2/Services/{SERVICE}/Verifications/{sid}",
        simulator.url
    );
    assert_eq!(started["url"], url);

    let listed = simulator.control("/verify").await;
    assert_eq!(listed["count"], 1);
    let code = listed["verifications"][0]["code"].as_str().unwrap();
    assert_eq!(code.len(), 6);

    let (status, fetched) = get(&simulator, &format!("Verifications/{sid}")).await;
    assert_eq!((status, &fetched), (200, &started));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (status, checked) = check(&simulator, wrong).await;
    assert_eq!(
        (status, &checked["status"], &checked["valid"]),
        (200, &json!("pending"), &json!(false))
    );
    let (status, checked) = check(&simulator, code).await;
    assert_eq!(
        (status, &checked["status"], &checked["valid"]),
        (200, &json!("approved"), &json!(true))
    );
    assert_eq!(checked["sid"], started["sid"]);

    let (status, body) = check(&simulator, code).await;
    let message =
        format!("The requested resource /Services/{SERVICE}/VerificationCheck was not found");
    assert_eq!(
        (status, &body["code"], &body["message"]),
        (404, &json!(20404), &json!(message))
    );
    let gone = get(&simulator, &format!("Verifications/{sid}")).await;
    assert_eq!(refused(gone), (404, 20404));
}

#[tokio::test]
async fn counters_and_ten_minutes() {
    let simulator = Simulator::start(&["--verify-code", "123456"]);
    simulator.set("/clock", json!({"speed": 0})).await;
    start(&simulator, TO).await;
    for _ in 0..5 {
        assert_eq!(check(&simulator, "000000").await.0, 200);
    }
    assert_eq!(refused(check(&simulator, "123456").await), (429, 60202));
    assert_eq!(refused(start(&simulator, TO).await), (429, 60202));

    simulator
        .set("/clock", json!({"advance_seconds": 600}))
        .await;
    assert_eq!(refused(check(&simulator, "123456").await), (404, 20404));
    let statuses = simulator.control("/verify").await;
    assert_eq!(
        statuses["verifications"][0]["status"],
        "max_attempts_reached"
    );

    for sends in 1..=5 {
        let (status, body) = start(&simulator, TO).await;
        assert_eq!(status, 201);
        assert_eq!(body["send_code_attempts"].as_array().unwrap().len(), sends);
    }
    assert_eq!(refused(start(&simulator, TO).await), (429, 60203));
    simulator
        .set("/clock", json!({"advance_seconds": 599}))
        .await;
    assert_eq!(check(&simulator, "000000").await.0, 200);
    simulator.set("/clock", json!({"advance_seconds": 1})).await;
    assert_eq!(refused(check(&simulator, "123456").await), (404, 20404));
    let statuses = simulator.control("/verify?since=1").await;
    assert_eq!(statuses["verifications"][0]["status"], "expired");
    assert_eq!(start(&simulator, TO).await.0, 201);
    assert_eq!(check(&simulator, "123456").await.1["status"], "approved");
}

#[tokio::test]
async fn two_starts_at_once_are_60212() {
    let simulator = Simulator::start(&[]);
    simulator
        .set("/verify/settings", json!({"start_latency_ms": 500}))
        .await;
    let (one, other) = tokio::join!(start(&simulator, TO), start(&simulator, TO));
    let (accepted, second) = if one.0 == 201 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(accepted.0, 201);
    assert_eq!(refused(second), (429, 60212));
    assert_eq!(start(&simulator, TO).await.0, 201);
}

#[tokio::test]
async fn the_rule_table_refuses_numbers() {
    let simulator = Simulator::start(&[]);
    let rules = json!([
        {"to": "+14155550101", "outcome": "landline"},
        {"to": "+1876*", "outcome": "blocked"},
        {"to": "+14155550102", "outcome": "unavailable", "count": 1},
        {"to": "+14155550100", "on": "check", "code": 20500},
    ]);
    simulator.set("/verify/rules", rules).await;
    assert_eq!(
        refused(start(&simulator, "+14155550101").await),
        (403, 60205)
    );
    assert_eq!(
        refused(start(&simulator, "+18765550100").await),
        (403, 60410)
    );
    assert_eq!(
        refused(start(&simulator, "+14155550102").await),
        (503, 20503)
    );
    assert_eq!(start(&simulator, "+14155550102").await.0, 201);
    assert_eq!(start(&simulator, TO).await.0, 201);
    assert_eq!(refused(check(&simulator, "123456").await), (500, 20500));

    let wrong = simulator
        .plain(Method::POST, "/_sim/verify/rules")
        .json(&json!([{"to": "*"}]))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 400);
    simulator.set("/reset", json!({})).await;
    assert_eq!(simulator.control("/verify/rules").await, json!([]));
    assert_eq!(simulator.control("/verify").await["count"], 0);
}

#[tokio::test]
async fn the_account_ends_a_verification() {
    let simulator = Simulator::start(&[]);
    let (_, started) = start(&simulator, TO).await;
    let path = format!("Verifications/{}", started["sid"].as_str().unwrap());
    let wrong = post(&simulator, &path, &[("Status", "deleted")]).await;
    assert_eq!(refused(wrong), (400, 60200));
    let (status, ended) = post(&simulator, &path, &[("Status", "canceled")]).await;
    assert_eq!((status, &ended["status"]), (200, &json!("canceled")));
    let (_, next) = start(&simulator, TO).await;
    assert_ne!(next["sid"], started["sid"]);
    let by_number = format!("Verifications/{TO}");
    let (status, ended) = post(&simulator, &by_number, &[("Status", "approved")]).await;
    assert_eq!(
        (status, &ended["status"], &ended["valid"]),
        (200, &json!("approved"), &json!(true))
    );
}

#[tokio::test]
async fn parameters_credentials_and_services_are_checked() {
    let simulator = Simulator::start(&["--verify-service", SERVICE]);
    let missing = post(&simulator, "Verifications", &[("Channel", "sms")]).await;
    assert_eq!(refused(missing), (400, 60200));
    assert_eq!(refused(start(&simulator, "415").await), (400, 60200));
    let sna = post(
        &simulator,
        "Verifications",
        &[("To", TO), ("Channel", "sna")],
    )
    .await;
    assert_eq!(refused(sna), (400, 60223));
    let nobody = post(&simulator, "VerificationCheck", &[("Code", "123456")]).await;
    assert_eq!(refused(nobody), (400, 60221));

    let other = "/v2/Services/VA00000000000000000000000000000002/Verifications";
    let unknown = simulator.host(Method::POST, other).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let path = format!("/v2/Services/{SERVICE}");
    let anonymous = simulator.plain(Method::GET, &path).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let (status, service) = {
        let response = simulator.host(Method::GET, &path).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    assert_eq!((status.as_u16(), &service["code_length"]), (200, &json!(6)));
}
