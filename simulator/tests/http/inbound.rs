//! Texts from people: the signed webhook, its parameters and answers, its fallback.

use axum::http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Reply};
use crate::simulator::{ACCOUNT, HELLO, SERVICE, Simulator};

const PERSON: &str = "+14155550100";
const NUMBER: &str = "+15005550006";

/// A text from the person comes in; returns its record.
async fn text(simulator: &Simulator, body: &str) -> Value {
    let text = json!({"from": PERSON, "to": NUMBER, "body": body});
    simulator.set("/inbound", text).await.json().await.unwrap()
}

#[tokio::test]
async fn a_text_reaches_the_webhook_signed_and_complete() {
    let receiver = Receiver::start(&[]).await;
    let url = format!("{}/twilio/inbound?tenant=1#rc=2&rp=all", receiver.url);
    let simulator = Simulator::start(&["--inbound-url", &url]);
    let recorded = text(&simulator, "Grüße 😜").await;
    assert_eq!(recorded["webhook"][0]["http_status"], 204);
    assert_eq!(recorded["keyword"], Value::Null);
    assert_eq!(recorded["replies"], json!([]));

    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].target, "/twilio/inbound?tenant=1");
    assert!(!received[0].idempotency_token.is_empty());
    let params = &received[0].params;
    for (name, value) in [
        ("MessageSid", recorded["sid"].as_str().unwrap()),
        ("SmsSid", recorded["sid"].as_str().unwrap()),
        ("SmsMessageSid", recorded["sid"].as_str().unwrap()),
        ("AccountSid", ACCOUNT),
        ("From", PERSON),
        ("To", NUMBER),
        ("Body", "Grüße 😜"),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
        ("FromCountry", "US"),
        ("ToCountry", "US"),
        ("FromCity", ""),
        ("FromState", ""),
        ("FromZip", ""),
        ("ToCity", ""),
        ("ToState", ""),
        ("ToZip", ""),
    ] {
        assert_eq!(params.get(name).map(String::as_str), Some(value), "{name}");
    }
    for absent in ["MessagingServiceSid", "OptOutType", "ErrorCode"] {
        assert!(!params.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn media_and_parameters_of_ones_own() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&[]);
    let webhook = json!({"webhook": {"url": receiver.url, "method": "GET"}});
    simulator.set("/inbound/settings", webhook).await;
    let text = json!({"From": PERSON, "To": NUMBER, "MediaUrl": ["https://a.example/b.png"],
        "MessagingServiceSid": SERVICE, "params": {"FromCity": "OAKLAND", "New": "1"}, "times": 2});
    simulator.set("/inbound", text).await;
    let received = receiver.wait_for(2).await;
    let query = received[0].target.split_once('?').unwrap().1;
    let params: std::collections::HashMap<_, _> =
        reqwest::Url::parse(&format!("http://h/?{query}"))
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect();
    for (name, value) in [
        ("NumMedia", "1"),
        ("MediaUrl0", "https://a.example/b.png"),
        ("MediaContentType0", "image/png"),
        ("MessagingServiceSid", SERVICE),
        ("FromCity", "OAKLAND"),
        ("New", "1"),
        ("Body", ""),
    ] {
        assert_eq!(params.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(params["MessageSid"].starts_with("MM"));
    assert_eq!(received[1].target, received[0].target);
}

#[tokio::test]
async fn the_answer_is_sent_back_and_its_statuses_are_reported() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--inbound-url", &receiver.url]);
    receiver.answer(Reply::xml(&format!(
        "<Response><Message statusCallback=\"{}/status\">We are open.</Message><Message>Bye</Message></Response>",
        receiver.url
    )));
    let recorded = text(&simulator, "are you open?").await;
    let replies = recorded["replies"].as_array().unwrap();
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[0]["body"], "We are open.");
    assert_eq!(replies[0]["direction"], "outbound-reply");
    assert_eq!(replies[0]["by"], "webhook");
    assert_eq!(
        (&replies[0]["from"], &replies[0]["to"]),
        (&json!(NUMBER), &json!(PERSON))
    );
    assert_eq!(replies[0]["status"], "delivered");

    let received = receiver.wait_for(3).await;
    let reports: Vec<_> = received[1..]
        .iter()
        .map(|report| {
            assert_eq!(report.target, "/status");
            assert_eq!(
                Some(report.params["MessageSid"].as_str()),
                replies[0]["sid"].as_str()
            );
            report.params["MessageStatus"].as_str()
        })
        .collect();
    assert_eq!(reports, ["sent", "delivered"]);
}

#[tokio::test]
async fn texts_and_replies_are_messages_of_the_account() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--inbound-url", &receiver.url]);
    receiver.answer(Reply::xml(
        "<Response><Message>Welcome</Message></Response>",
    ));
    let recorded = text(&simulator, "START").await;
    let list: Value = simulator
        .api(Method::GET, "/Messages.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let shown: Vec<_> = list["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let word = |name: &str| message[name].as_str().unwrap().to_owned();
            (word("direction"), word("status"), word("to"))
        })
        .collect();
    let row = |direction: &str, status: &str, to: &str| {
        (direction.to_owned(), status.to_owned(), to.to_owned())
    };
    let reply = row("outbound-reply", "delivered", PERSON);
    let inbound = row("inbound", "received", NUMBER);
    assert_eq!(shown, [reply.clone(), reply, inbound]);

    let path = format!("/Messages/{}.json", recorded["sid"].as_str().unwrap());
    let fetched = simulator.api(Method::GET, &path).send().await.unwrap();
    let fetched: Value = fetched.json().await.unwrap();
    assert_eq!(
        (&fetched["body"], &fetched["from"]),
        (&json!("START"), &json!(PERSON))
    );
    let deleted = simulator.api(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    // What was accepted is counted without them.
    assert_eq!(simulator.control("/messages").await["count"], 0);
    assert_eq!(simulator.control("/stats").await["accepted"], 0);
}

#[tokio::test]
async fn a_failed_webhook_is_retried_and_then_the_fallback_is_called() {
    let receiver = Receiver::start(&[500, 503]).await;
    let url = format!("{}/inbound#rc=1&rp=5xx", receiver.url);
    let fallback = format!("{}/fallback", receiver.url);
    let simulator = Simulator::start(&["--inbound-url", &url]);
    simulator
        .set(
            "/inbound/settings",
            json!({"webhook": {"fallback_url": fallback}}),
        )
        .await;
    let recorded = text(&simulator, "hello").await;
    let statuses: Vec<_> = recorded["webhook"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["http_status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [500, 503, 204]);
    assert_eq!(recorded["alerts"], json!([11200]));
    let received = receiver.wait_for(3).await;
    assert_eq!(received[0].idempotency_token, received[1].idempotency_token);
    assert_eq!(received[2].target, "/fallback");
    assert_eq!(received[2].params["ErrorCode"], "11200");
    assert_eq!(received[2].params["ErrorUrl"], url);
    assert_eq!(received[2].params["Body"], "hello");
}

#[tokio::test]
async fn answers_that_twilio_cannot_use_are_recorded() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--inbound-url", &receiver.url]);
    for (content_type, body, alerts) in [
        ("application/json", "{}", json!([12300])),
        ("text/xml", "<Response>", json!([12100])),
        ("text/plain", "thanks", json!([])),
    ] {
        receiver.answer(Reply {
            status: StatusCode::OK,
            content_type,
            body: body.to_owned(),
        });
        let recorded = text(&simulator, "hello").await;
        assert_eq!(recorded["alerts"], alerts, "{body}");
    }
    let listed = simulator.control("/inbound?since=2").await;
    assert_eq!(listed["count"], 3);
    assert_eq!(listed["inbound"][0]["replies"][0]["body"], "thanks");

    simulator.set("/reset", json!({})).await;
    let unreachable = json!({"webhook": {"url": "http://127.0.0.1:9/x#rc=0"}});
    simulator.set("/inbound/settings", unreachable).await;
    let recorded = text(&simulator, "hello").await;
    assert_eq!(recorded["alerts"], json!([11205]));
    assert_eq!(recorded["webhook"][0]["error"], "no_connection");
}

#[tokio::test]
async fn only_texts_that_can_be_are_taken() {
    let simulator = Simulator::start(&[]);
    for wrong in [
        json!({"from": "415", "to": NUMBER, "body": "x"}),
        json!({"from": PERSON, "to": "HERALD", "body": "x"}),
        json!({"from": PERSON, "to": NUMBER, "times": 0}),
        json!({"from": PERSON, "to": NUMBER, "sender": "x"}),
        json!({"from": PERSON}),
    ] {
        let request = simulator.plain(Method::POST, "/_sim/inbound").json(&wrong);
        assert_eq!(request.send().await.unwrap().status(), 400, "{wrong}");
    }
    // Without a webhook it is recorded, and that is all.
    let recorded = text(&simulator, "hello").await;
    assert_eq!(recorded["webhook"], json!([]));
    simulator.accepted(&HELLO).await;
}
