//! Faults by chance: the same seed decides the same, and the simulator's record is the truth about what happened.

use std::collections::{BTreeMap, HashSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::simulator::{HELLO, Simulator, eventually};

const CREATES: usize = 200;

/// What a client sees of a create.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Accepted(String),
    Status(u16),
    Broken,
}

async fn create(simulator: &Simulator, body: &str, callback: &str) -> Seen {
    let params = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Body", body),
        ("StatusCallback", callback),
    ];
    let Ok(response) = simulator.create(&params).await else {
        return Seen::Broken;
    };
    let status = response.status().as_u16();
    let Ok(text) = response.text().await else {
        return Seen::Broken;
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(body) if status == 201 => Seen::Accepted(body["sid"].as_str().unwrap().to_owned()),
        Err(_) if status == 201 => Seen::Broken,
        _ => Seen::Status(status),
    }
}

/// Sends the creates, `at_once` of them at a time; returns what each met by its text, and the simulator's truth.
async fn run(at_once: usize, seed: u64) -> (BTreeMap<String, Seen>, Vec<Value>, Vec<Value>) {
    let simulator = std::sync::Arc::new(Simulator::start(&[]));
    let receiver = Receiver::start(&[]).await;
    // Stalls would last for ever: this client has no time-out.
    let faults = json!({
        "seed": seed,
        "probabilities": {"all": 0.1, "stall_before": 0, "stall_after": 0},
        "latency_ms": 20,
        "body_ms": 20,
    });
    simulator.set("/faults", faults).await;
    simulator
        .set("/settings", json!({"callback_late_ms": 50}))
        .await;
    let bodies: Vec<String> = (0..CREATES)
        .map(|number| format!("text {number}"))
        .collect();
    let mut seen = BTreeMap::new();
    for chunk in bodies.chunks(at_once) {
        let tasks: Vec<_> = chunk
            .iter()
            .map(|body| {
                let simulator = std::sync::Arc::clone(&simulator);
                let (body, callback) = (body.clone(), receiver.url.clone());
                tokio::spawn(async move { (create(&simulator, &body, &callback).await, body) })
            })
            .collect();
        for task in tasks {
            let (outcome, body) = task.await.unwrap();
            seen.insert(body, outcome);
        }
    }
    eventually(async || {
        let stats = simulator.control("/stats").await;
        let all_final = stats["by_status"]["delivered"] == stats["accepted"];
        (all_final && stats["callbacks"]["waiting"] == 0).then_some(())
    })
    .await;
    let truth = simulator.control("/messages").await;
    let requests = simulator.control("/requests").await;
    let entries = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
    let confirmed = simulator.control("/stats").await["callbacks"]["confirmed"].clone();
    assert_eq!(confirmed, receiver.received().len());
    (
        seen,
        entries(&truth, "accepted"),
        entries(&requests, "requests"),
    )
}

#[tokio::test]
async fn the_truth_explains_everything_a_client_saw() {
    let (seen, messages, requests) = run(16, 7).await;
    assert_eq!(requests.len(), CREATES);
    let by_body: BTreeMap<&str, &Value> = messages
        .iter()
        .map(|message| (message["body"].as_str().unwrap(), message))
        .collect();
    assert_eq!(by_body.len(), messages.len(), "no text was accepted twice");
    for (body, outcome) in &seen {
        let message = by_body.get(body.as_str());
        let fault = message.and_then(|message| message["fault"].as_str());
        match outcome {
            Seen::Accepted(sid) => {
                assert_eq!(message.unwrap()["sid"], sid.as_str());
                assert_eq!(fault, None);
            }
            Seen::Status(500) => assert!(matches!(fault, None | Some("error_after")), "{fault:?}"),
            Seen::Status(status) => assert_eq!((*status, message), (502, None)),
            Seen::Broken => assert!(
                matches!(
                    fault,
                    None | Some("reset_after" | "reset_mid_answer" | "unreadable_201")
                ),
                "{fault:?}"
            ),
        }
    }
    // Everything that can happen did, and what happened to callbacks is in the record.
    let faults: HashSet<_> = requests
        .iter()
        .filter_map(|request| request["fault"].as_str())
        .collect();
    assert_eq!(faults.len(), 7, "{faults:?}");
    let modifiers: HashSet<_> = requests
        .iter()
        .flat_map(|request| request["modifiers"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    assert!(modifiers.contains("slow_answer") && modifiers.contains("slow_body"));
    let lost = messages
        .iter()
        .flat_map(|message| message["callbacks"].as_array().unwrap());
    assert!(lost.clone().any(|callback| callback["error"] == "lost"));
}

/// What the seed decided about each text: the fault of its create, and the fate of its callbacks in their order.
fn decisions(messages: &[Value], requests: &[Value], seen: &BTreeMap<String, Seen>) -> String {
    let mut lines = Vec::new();
    for message in messages {
        let callbacks = message["callbacks"].as_array().unwrap();
        let mut fates: Vec<String> = callbacks
            .iter()
            .map(|callback| format!("{} {}", callback["status"], callback["error"]))
            .collect();
        fates.sort();
        lines.push(format!(
            "{} {} {fates:?}",
            message["body"], message["fault"]
        ));
    }
    lines.sort();
    let faults = requests
        .iter()
        .filter(|request| !request["fault"].is_null());
    let kinds = seen.values().map(|outcome| match outcome {
        Seen::Accepted(_) => "accepted".to_owned(),
        other => format!("{other:?}"),
    });
    format!(
        "{lines:?} {} {:?}",
        faults.count(),
        kinds.collect::<Vec<_>>()
    )
}

#[tokio::test]
async fn the_same_seed_decides_the_same_whatever_the_order() {
    let (seen, messages, requests) = run(1, 11).await;
    let one_by_one = decisions(&messages, &requests, &seen);
    let (seen, messages, requests) = run(20, 11).await;
    assert_eq!(decisions(&messages, &requests, &seen), one_by_one);
}

#[tokio::test]
async fn chances_can_be_set_read_and_forgotten() {
    let simulator = Simulator::start(&["--fault", "error_before=1", "--fault-seed", "3"]);
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 500);
    let shown = simulator.control("/faults").await;
    assert_eq!(
        (&shown["seed"], &shown["probabilities"]),
        (&json!(3), &json!({"error_before": 1.0}))
    );
    simulator
        .set("/faults", json!({"probabilities": {"all": 0}}))
        .await;
    simulator.accepted(&HELLO).await;

    // What is planned goes before chance.
    simulator
        .set("/faults", json!({"probabilities": {"html_502": 1}}))
        .await;
    simulator.set("/next", json!({"http_status": 503})).await;
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 503);
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 502);
    simulator.set("/reset", json!({})).await;
    assert_eq!(simulator.create(&HELLO).await.unwrap().status(), 500);

    for wrong in [
        json!({"probabilities": {"explode": 0.1}}),
        json!({"probabilities": {"html_502": 2}}),
        json!({"chance": 1}),
    ] {
        let response = simulator
            .plain(Method::POST, "/_sim/faults")
            .json(&wrong)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{wrong}");
    }
}
