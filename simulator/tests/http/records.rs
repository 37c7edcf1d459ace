//! Stored messages: list, fetch, cancel, redact, delete.

use chrono::{Duration, SecondsFormat, Utc};
use reqwest::Method;
use serde_json::Value;

use crate::receiver::{Receiver, statuses};
use crate::simulator::{HELLO, SERVICE, Simulator};

async fn json(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

fn bodies(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["body"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_follow_one_another_through_relative_uris() {
    let simulator = Simulator::start(&[]);
    for body in ["1", "2", "3", "4", "5"] {
        let params = [
            ("To", "+14155550100"),
            ("From", "+15005550006"),
            ("Body", body),
        ];
        simulator.accepted(&params).await;
    }
    simulator
        .accepted(&[
            ("To", "+14155550199"),
            ("From", "+15005550006"),
            ("Body", "other"),
        ])
        .await;

    let query = "/Messages.json?To=%2B14155550100&PageSize=2";
    let (status, first) = json(simulator.api(Method::GET, query)).await;
    assert_eq!(status, 200);
    assert_eq!(bodies(&first), ["5", "4"]);
    assert_eq!(first["previous_page_uri"], Value::Null);
    assert_eq!(
        (&first["page"], &first["start"], &first["end"]),
        (&0.into(), &0.into(), &1.into())
    );

    simulator.accepted(&HELLO).await;
    let (_, second) =
        json(simulator.host(Method::GET, first["next_page_uri"].as_str().unwrap())).await;
    assert_eq!(bodies(&second), ["3", "2"]);
    assert_eq!(
        (&second["page"], &second["page_size"], &second["start"]),
        (&1.into(), &2.into(), &2.into())
    );

    let (_, third) =
        json(simulator.host(Method::GET, second["next_page_uri"].as_str().unwrap())).await;
    assert_eq!(bodies(&third), ["1"]);
    assert_eq!(third["next_page_uri"], Value::Null);

    let (_, back) =
        json(simulator.host(Method::GET, second["previous_page_uri"].as_str().unwrap())).await;
    assert_eq!(bodies(&back), ["5", "4"]);
    let (_, again) =
        json(simulator.host(Method::GET, second["first_page_uri"].as_str().unwrap())).await;
    assert_eq!(bodies(&again), ["Hello", "5"]);
}

#[tokio::test]
async fn page_size_is_50_by_default_and_1000_at_most() {
    let simulator = Simulator::start(&[]);
    let (_, page) = json(simulator.api(Method::GET, "/Messages.json")).await;
    assert_eq!(page["page_size"], 50);
    assert_eq!(bodies(&page), [""; 0]);
    let (status, error) = json(simulator.api(Method::GET, "/Messages.json?PageSize=1001")).await;
    assert_eq!((status, &error["code"]), (400, &20007.into()));
}

#[tokio::test]
async fn the_list_can_be_filtered_by_the_time_of_sending() {
    let simulator = Simulator::start(&[]);
    simulator.accepted(&HELLO).await;
    simulator.message_in_status(0, "delivered").await;
    let found = async |filter: &str, time: chrono::DateTime<Utc>| {
        let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair(filter, &time)
            .finish();
        let request = simulator.api(Method::GET, &format!("/Messages.json?{query}"));
        bodies(&json(request).await.1).len()
    };
    assert_eq!(
        found("DateSent>", Utc::now() - Duration::minutes(5)).await,
        1
    );
    assert_eq!(
        found("DateSent>", Utc::now() + Duration::minutes(5)).await,
        0
    );
    assert_eq!(
        found("DateSent<", Utc::now() + Duration::minutes(5)).await,
        1
    );
}

#[tokio::test]
async fn a_scheduled_message_can_be_cancelled_once() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    let send_at = (Utc::now() + Duration::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let created = simulator
        .accepted(&[
            ("To", "+14155550100"),
            ("MessagingServiceSid", SERVICE),
            ("Body", "Hello"),
            ("ScheduleType", "fixed"),
            ("SendAt", &send_at),
            ("StatusCallback", &receiver.url),
        ])
        .await;
    assert_eq!(created["status"], "scheduled");

    let cancel = || {
        simulator
            .host(Method::POST, created["uri"].as_str().unwrap())
            .form(&[("Status", "canceled")])
    };
    let (status, cancelled) = json(cancel()).await;
    assert_eq!((status, &cancelled["status"]), (200, &"canceled".into()));
    assert_eq!(statuses(&receiver.wait_for(1).await), ["canceled"]);
    let (_, error) = json(cancel()).await;
    assert_eq!(error["code"], 30409);
}

#[tokio::test]
async fn a_message_on_its_way_can_be_redacted_but_neither_cancelled_nor_deleted() {
    let simulator = Simulator::start_with(&["--delay-sent-ms", "600000"]);
    let created = simulator.accepted(&HELLO).await;
    let uri = created["uri"].as_str().unwrap();
    let update =
        |params: &'static [(&str, &str)]| json(simulator.host(Method::POST, uri).form(params));

    let (status, redacted) = update(&[("Body", "")]).await;
    assert_eq!((status, &redacted["body"]), (200, &"".into()));
    assert_eq!(update(&[("Status", "canceled")]).await.1["code"], 30409);
    for wrong in [
        [("Body", "new")].as_slice(),
        &[("Body", ""), ("Status", "canceled")],
        &[("Status", "sent")],
        &[],
    ] {
        let (status, error) = update(wrong).await;
        assert_eq!((status, &error["code"]), (400, &30400.into()));
    }
    assert_eq!(
        json(simulator.host(Method::DELETE, uri)).await.1["code"],
        20009
    );
}

#[tokio::test]
async fn a_finished_message_can_be_deleted() {
    let simulator = Simulator::start(&[]);
    let created = simulator.accepted(&HELLO).await;
    let uri = created["uri"].as_str().unwrap();
    simulator.message_in_status(0, "delivered").await;

    let deleted = simulator.host(Method::DELETE, uri).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = simulator.host(method, uri).form(&[("Body", "")]);
        let (status, error) = json(request).await;
        assert_eq!((status, &error["code"]), (404, &20404.into()));
    }
    let cancel = simulator.host(Method::POST, uri);
    let (status, error) = json(cancel.form(&[("Status", "canceled")])).await;
    assert_eq!((status, &error["code"]), (404, &30404.into()));
    let (_, page) = json(simulator.api(Method::GET, "/Messages.json")).await;
    assert_eq!(bodies(&page), [""; 0]);
    assert_eq!(
        simulator.control("/messages").await["accepted"][0]["deleted"],
        true
    );
}
