//! Refused creates: Twilio lists them as failed messages.

use reqwest::Method;
use serde_json::{Value, json};

use crate::simulator::{HELLO, Simulator};

async fn listed(simulator: &Simulator, query: &str) -> Vec<Value> {
    let response = simulator
        .api(Method::GET, &format!("/Messages.json{query}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let page: Value = response.json().await.unwrap();
    page["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_create_refused_with_400_is_listed_as_failed() {
    let simulator = Simulator::start(&["--from", "+15005550006"]);
    simulator.accepted(&HELLO).await;
    let wrong = [
        ("To", "+14155550100"),
        ("From", "+15005550007"),
        ("Body", "Hello"),
    ];
    let response = simulator.create(&wrong).await.unwrap();
    assert_eq!(response.status(), 400);

    let list = listed(&simulator, "?To=%2B14155550100").await;
    assert_eq!(list.len(), 2);
    let refused = &list[0];
    assert_eq!(
        ["status", "from", "to", "body"].map(|key| &refused[key]),
        ["failed", "+15005550007", "+14155550100", "Hello"]
    );
    assert_eq!(refused["error_code"], 21606);
    assert_eq!(refused["date_sent"], Value::Null);

    // It is no accepted message, and it can be fetched and deleted like any other.
    let stats = simulator.control("/stats").await;
    assert_eq!(
        (&stats["accepted"], &stats["refused"]),
        (&json!(1), &json!(1))
    );
    let truth = simulator.control("/refused").await;
    assert_eq!(truth["count"], 1);
    assert_eq!(truth["refused"][0]["sid"], refused["sid"]);
    assert_eq!(
        truth["refused"][0]["request_id"],
        simulator.control("/requests").await["requests"][1]["request_id"]
    );
    let uri = refused["uri"].as_str().unwrap();
    let fetched = simulator.host(Method::GET, uri).send().await.unwrap();
    assert_eq!(fetched.status(), 200);
    let deleted = simulator.host(Method::DELETE, uri).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(listed(&simulator, "").await.len(), 1);
}

#[tokio::test]
async fn planned_refusals_are_listed_too_and_other_failures_are_not() {
    let simulator = Simulator::start(&[]);
    let faults = json!([
        {"code": 21610},
        {"http_status": 503},
        {"http_status": 429},
        {"fault": "html_502"},
    ]);
    simulator.set("/next", faults).await;
    for status in [400, 503, 429, 502] {
        assert_eq!(simulator.create(&HELLO).await.unwrap().status(), status);
    }
    // Without a recipient there is nothing to list.
    assert_eq!(
        simulator
            .create(&[("Body", "Hello")])
            .await
            .unwrap()
            .status(),
        400
    );
    let list = listed(&simulator, "").await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["error_code"], 21610);
    let truth = simulator.control("/refused").await["refused"][0].clone();
    assert_eq!(truth["fault"], "error_before");
}

#[tokio::test]
async fn refused_and_accepted_ones_share_the_pages() {
    let simulator = Simulator::start(&["--from", "+15005550006"]);
    for place in 0..6 {
        let from = if place % 2 == 0 {
            "+15005550006"
        } else {
            "+15005550007"
        };
        let body = place.to_string();
        let params = [
            ("To", "+14155550100"),
            ("From", from),
            ("Body", body.as_str()),
        ];
        simulator.create(&params).await.unwrap();
    }
    let mut bodies = Vec::new();
    let path = simulator.api(Method::GET, "/Messages.json?PageSize=4");
    let mut page: Value = path.send().await.unwrap().json().await.unwrap();
    loop {
        for message in page["messages"].as_array().unwrap() {
            bodies.push(message["body"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next_page_uri"].as_str() else {
            break;
        };
        let next = simulator.host(Method::GET, next).send().await.unwrap();
        page = next.json().await.unwrap();
    }
    assert_eq!(bodies, ["5", "4", "3", "2", "1", "0"]);
}
