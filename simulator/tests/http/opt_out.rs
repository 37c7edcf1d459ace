//! STOP, START and HELP, per sender and per Messaging Service, and what follows for creates.

use serde_json::{Value, json};

use crate::receiver::{Receiver, Reply};
use crate::simulator::{SERVICE, Simulator, eventually};

const PERSON: &str = "+14155550100";
const NUMBER: &str = "+15005550006";
const TOLL_FREE: &str = "+18335550100";

async fn text(simulator: &Simulator, to: &str, body: &str) -> Value {
    let text = json!({"from": PERSON, "to": to, "body": body});
    simulator.set("/inbound", text).await.json().await.unwrap()
}

/// Creates a message; HTTP status, and the code of the refusal or the SID.
async fn create(simulator: &Simulator, sender: (&str, &str)) -> (u16, Value) {
    let response = simulator
        .create(&[("To", PERSON), sender, ("Body", "Hello")])
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let field = if status == 201 { "sid" } else { "code" };
    (status, body[field].clone())
}

const REFUSED: u16 = 400;

async fn final_status(simulator: &Simulator, sid: &Value) -> (Value, Value) {
    eventually(async || {
        let path = format!("/Messages/{}.json", sid.as_str().unwrap());
        let message: Value = simulator
            .api(reqwest::Method::GET, &path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let is_final = ["delivered", "undelivered", "failed"]
            .iter()
            .any(|status| message["status"] == *status);
        is_final.then(|| (message["status"].clone(), message["error_code"].clone()))
    })
    .await
}

#[tokio::test]
async fn stop_to_a_number_refuses_its_creates_until_start() {
    let simulator = Simulator::start(&[]);
    let stopped = text(&simulator, NUMBER, " Stop ").await;
    assert_eq!(stopped["keyword"], "STOP");
    assert_eq!(stopped["has_opt_out_type"], false);
    assert_eq!(stopped["replies"][0]["by"], "twilio");
    assert_eq!(stopped["replies"][0]["status"], "delivered");
    assert_eq!(
        create(&simulator, ("From", NUMBER)).await,
        (REFUSED, json!(21610))
    );
    assert_eq!(create(&simulator, ("From", "+15005550007")).await.0, 201);
    let list = simulator.control("/opt-outs").await;
    assert_eq!(list["opt_outs"][0]["number"], PERSON);
    assert_eq!(list["opt_outs"][0]["sender"], NUMBER);

    assert_eq!(text(&simulator, NUMBER, "HELP").await["replies"], json!([]));
    let started = text(&simulator, NUMBER, "yes").await;
    assert_eq!(started["keyword"], "START");
    assert_eq!(create(&simulator, ("From", NUMBER)).await.0, 201);
    let helped = text(&simulator, NUMBER, "info").await;
    assert_eq!(helped["replies"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_reply_to_stop_fails_with_21610() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--inbound-url", &receiver.url]);
    receiver.answer(Reply::xml(
        "<Response><Message>You are out.</Message></Response>",
    ));
    let stopped = text(&simulator, NUMBER, "STOP").await;
    let replies = stopped["replies"].as_array().unwrap();
    assert_eq!(
        (&replies[0]["by"], &replies[1]["by"]),
        (&json!("twilio"), &json!("webhook"))
    );
    assert_eq!(
        (&replies[1]["status"], &replies[1]["error_code"]),
        (&json!("failed"), &json!(21610))
    );
    assert_eq!(stopped["alerts"], json!([21610]));
    assert_eq!(receiver.wait_for(1).await[0].params["Body"], "STOP");
}

#[tokio::test]
async fn a_service_is_stopped_as_a_whole() {
    let simulator = Simulator::start(&[]);
    let service = ("MessagingServiceSid", SERVICE);
    // The person answers the text that came through the service.
    let (_, sid) = create(&simulator, service).await;
    final_status(&simulator, &sid).await;
    let stopped = text(&simulator, NUMBER, "STOP").await;
    assert_eq!(stopped["messaging_service_sid"], SERVICE);
    assert_eq!(create(&simulator, service).await, (REFUSED, json!(21610)));
    assert_eq!(
        create(&simulator, ("From", NUMBER)).await,
        (REFUSED, json!(21610))
    );
}

#[tokio::test]
async fn advanced_opt_out_tells_the_type_and_fails_later() {
    let receiver = Receiver::start(&[]).await;
    let simulator = Simulator::start(&["--inbound-url", &receiver.url]);
    let settings = json!({"messaging_services": {SERVICE: {
        "senders": [NUMBER], "advanced_opt_out": true,
        "keywords": {"stop": ["arret"]}, "replies": {"stop": "Au revoir"}}}});
    simulator.set("/inbound/settings", settings).await;
    let stopped = text(&simulator, NUMBER, "ARRET").await;
    assert_eq!(stopped["replies"][0]["body"], "Au revoir");
    let params = receiver.wait_for(1).await[0].params.clone();
    assert_eq!(params["OptOutType"], "STOP");
    assert_eq!(params["MessagingServiceSid"], SERVICE);

    let (status, sid) = create(&simulator, ("MessagingServiceSid", SERVICE)).await;
    assert_eq!(status, 201);
    assert_eq!(
        final_status(&simulator, &sid).await,
        (json!("failed"), json!(21610))
    );
    assert_eq!(
        create(&simulator, ("From", NUMBER)).await,
        (REFUSED, json!(21610))
    );
    text(&simulator, NUMBER, "unstop").await;
    assert_eq!(receiver.wait_for(2).await[1].params["OptOutType"], "START");
    let (_, sid) = create(&simulator, ("MessagingServiceSid", SERVICE)).await;
    assert_eq!(final_status(&simulator, &sid).await.0, "delivered");
}

#[tokio::test]
async fn a_toll_free_number_is_opened_by_start_only() {
    let simulator = Simulator::start(&["--from", TOLL_FREE]);
    text(&simulator, TOLL_FREE, "STOP").await;
    text(&simulator, TOLL_FREE, "YES").await;
    assert_eq!(
        create(&simulator, ("From", TOLL_FREE)).await,
        (REFUSED, json!(21610))
    );
    text(&simulator, TOLL_FREE, "START").await;
    assert_eq!(create(&simulator, ("From", TOLL_FREE)).await.0, 201);

    let settings = json!({"messaging_services": {SERVICE: {"senders": [TOLL_FREE]}}});
    simulator.set("/inbound/settings", settings).await;
    text(&simulator, TOLL_FREE, "STOP").await;
    text(&simulator, TOLL_FREE, "YES").await;
    let (status, sid) = create(&simulator, ("MessagingServiceSid", SERVICE)).await;
    assert_eq!(status, 201);
    assert_eq!(
        final_status(&simulator, &sid).await,
        (json!("undelivered"), json!(30004))
    );
}

#[tokio::test]
async fn opt_outs_are_set_without_a_text_and_forgotten_by_a_reset() {
    let simulator = Simulator::start(&[]);
    let change =
        |opted_out: bool| json!({"number": PERSON, "sender": NUMBER, "opted_out": opted_out});
    let changed: Value = simulator
        .set("/opt-outs", change(true))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(changed, json!({"changed": true}));
    assert_eq!(create(&simulator, ("From", NUMBER)).await.0, REFUSED);
    simulator.set("/opt-outs", change(false)).await;
    assert_eq!(create(&simulator, ("From", NUMBER)).await.0, 201);
    simulator.set("/opt-outs", change(true)).await;
    simulator.set("/reset", json!({})).await;
    assert_eq!(simulator.control("/opt-outs").await["count"], 0);
    assert_eq!(simulator.control("/inbound").await["count"], 0);
}
