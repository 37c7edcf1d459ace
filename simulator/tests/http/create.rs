//! Creating messages: credentials, parameters, the body of the 201.

use reqwest::Method;
use serde_json::{Value, json};

use crate::simulator::{ACCOUNT, HELLO, SERVICE, Simulator, TOKEN};

/// Status, code and body of a refusal.
async fn refusal(response: reqwest::Response) -> (u16, i64, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    let code = body["code"].as_i64().unwrap();
    assert_eq!(
        body["more_info"],
        format!("https://www.twilio.com/docs/errors/{code}")
    );
    assert!(!body["message"].as_str().unwrap().is_empty());
    (status, code, body)
}

#[tokio::test]
async fn a_message_from_a_number_is_queued() {
    let simulator = Simulator::start_with(&["--delay-sent-ms", "600000"]);
    let response = simulator.create(&HELLO).await.unwrap();
    assert_eq!(response.status(), 201);
    let request_id = response.headers()["twilio-request-id"].to_str().unwrap();
    assert!(request_id.starts_with("RQ") && request_id.len() == 34);

    let body: Value = response.json().await.unwrap();
    let sid = body["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34);
    let created = body["date_created"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc2822(created).is_ok());
    let expected = json!({
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": "Hello",
        "date_created": created,
        "date_sent": null,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": "+15005550006",
        "messaging_service_sid": null,
        "num_media": "0",
        "num_segments": "1",
        "price": null,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued",
        "subresource_uris": {"media": format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media.json")},
        "to": "+14155550100",
        "uri": format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"),
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_messaging_service_accepts_first_and_picks_a_sender_later() {
    let simulator = Simulator::start(&["--from", "+15005550009", "--messaging-service", SERVICE]);
    let params = [
        ("To", "+14155550100"),
        ("MessagingServiceSid", SERVICE),
        ("Body", "Hello"),
    ];
    let created = simulator.accepted(&params).await;
    assert_eq!(created["status"], "accepted");
    assert_eq!(created["from"], Value::Null);
    assert_eq!(created["num_segments"], "0");

    simulator.message_in_status(0, "delivered").await;
    let uri = created["uri"].as_str().unwrap();
    let fetched: Value = simulator
        .host(Method::GET, uri)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(fetched["from"], "+15005550009");
    assert_eq!(fetched["num_segments"], "1");
    assert_eq!(fetched["price"], "-0.00750");
    assert!(fetched["date_sent"].is_string());

    let with_sender = [params.as_slice(), &[("From", "+15005550009")]].concat();
    assert_eq!(simulator.accepted(&with_sender).await["status"], "queued");
}

#[tokio::test]
async fn wrong_credentials_are_20003_and_another_account_is_20404() {
    let key = "SK00000000000000000000000000000001";
    let simulator = Simulator::start(&["--api-key", key, "--api-secret", "s"]);
    let messages = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let post = |user: &'static str, password: &'static str| {
        simulator
            .plain(Method::POST, &messages)
            .basic_auth(user, Some(password))
            .form(&HELLO)
            .send()
    };
    assert_eq!(post(ACCOUNT, TOKEN).await.unwrap().status(), 201);
    assert_eq!(post(key, "s").await.unwrap().status(), 201);
    for (user, password) in [(ACCOUNT, "wrong"), (key, TOKEN), ("AC2", TOKEN)] {
        let (status, code, body) = refusal(post(user, password).await.unwrap()).await;
        assert_eq!((status, code), (401, 20003));
        assert_eq!(body["message"], "Authenticate");
        assert!(body["detail"].is_string());
    }
    let anonymous = simulator
        .plain(Method::POST, &messages)
        .form(&HELLO)
        .send()
        .await
        .unwrap();
    assert!(anonymous.headers().contains_key("www-authenticate"));
    assert_eq!(refusal(anonymous).await.1, 20003);

    let foreign = "/2010-04-01/Accounts/AC00000000000000000000000000000002/Messages.json";
    let answer = simulator
        .host(Method::POST, foreign)
        .form(&HELLO)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(answer).await.1, 20404);
    assert_eq!(simulator.control("/requests").await["count"], 7);
}

#[tokio::test]
async fn the_account_can_be_fetched_to_check_credentials() {
    let simulator = Simulator::start(&[]);
    let account: Value = simulator
        .api(Method::GET, ".json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(account["sid"], ACCOUNT);
    assert_eq!(account["status"], "active");
    let wrong = simulator.plain(Method::GET, &format!("/2010-04-01/Accounts/{ACCOUNT}.json"));
    assert_eq!(refusal(wrong.send().await.unwrap()).await.0, 401);
}

#[tokio::test]
async fn wrong_parameters_and_paths_are_refused_with_their_code() {
    let simulator = Simulator::start(&["--from", "+15005550006"]);
    let cases: [(&[(&str, &str)], i64); 4] = [
        (&[], 21604),
        (&[("To", "+14155550100"), ("Body", "Hello")], 21603),
        (
            &[
                ("To", "+14155550100"),
                ("From", "+15005550007"),
                ("Body", "Hello"),
            ],
            21606,
        ),
        (
            &[("To", "0100"), ("From", "+15005550006"), ("Body", "Hello")],
            21211,
        ),
    ];
    for (params, expected) in cases {
        let (status, code, _) = refusal(simulator.create(params).await.unwrap()).await;
        assert_eq!((status, code), (400, expected));
    }
    let json = simulator
        .api(Method::POST, "/Messages.json")
        .json(&json!({"To": "+14155550100"}));
    assert_eq!(refusal(json.send().await.unwrap()).await.1, 21604);

    let put = simulator
        .api(Method::PUT, "/Messages.json")
        .send()
        .await
        .unwrap();
    let (status, code, _) = refusal(put).await;
    assert_eq!((status, code), (405, 20004));
    let nowhere = simulator
        .host(Method::GET, "/2010-04-01/Nowhere.json")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(nowhere).await.1, 20404);

    let stats = simulator.control("/stats").await;
    assert_eq!(
        (&stats["requests"], &stats["refused"], &stats["accepted"]),
        (&json!(5), &json!(5), &json!(0))
    );
}
