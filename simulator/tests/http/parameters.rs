//! Parameters of a create and what they change.

use chrono::{Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::simulator::{HELLO, SERVICE, Simulator};

/// Code of the refusal of an ordinary create with these parameters added.
async fn refused(simulator: &Simulator, more: &[(&str, &str)]) -> (u16, Value) {
    let params = [HELLO.as_slice(), more].concat();
    let response = simulator.create(&params).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.json::<Value>().await.unwrap()["code"].clone(),
    )
}

#[tokio::test]
async fn every_wrong_parameter_has_its_code() {
    let simulator = Simulator::start(&["--messaging-service", SERVICE]);
    let sid = |prefix: &str| format!("{prefix}00000000000000000000000000000002");
    let (other_service, template) = (sid("MG"), sid("HX"));
    for (more, code) in [
        ([("ValidityPeriod", "0"), ("", "")], 21624),
        ([("ValidityPeriod", "36001"), ("", "")], 21624),
        (
            [("StatusCallback", "http://a_b.example.org/"), ("", "")],
            21609,
        ),
        ([("MediaUrl", "nowhere"), ("", "")], 21620),
        ([("MessagingServiceSid", &other_service), ("", "")], 21701),
        ([("ContentSid", "HX1"), ("", "")], 21655),
        (
            [("ContentSid", &template), ("ContentVariables", "x")],
            21656,
        ),
        ([("ContentVariables", "{}"), ("", "")], 21654),
        ([("MaxPrice", "much"), ("", "")], 21627),
        ([("RiskCheck", "maybe"), ("", "")], 20422),
        (
            [("MessagingServiceSid", SERVICE), ("ScheduleType", "fixed")],
            35111,
        ),
        (
            [
                ("MessagingServiceSid", SERVICE),
                ("SendAt", "2026-11-22T12:00:00Z"),
            ],
            35126,
        ),
    ] {
        assert_eq!(
            refused(&simulator, &more).await,
            (400, code.into()),
            "{more:?}"
        );
    }
    let too_near = (Utc::now() + Duration::seconds(60)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let near = [
        ("MessagingServiceSid", SERVICE),
        ("ScheduleType", "fixed"),
        ("SendAt", &too_near),
    ];
    assert_eq!(refused(&simulator, &near).await, (400, 35114.into()));
    assert_eq!(simulator.control("/stats").await["accepted"], 0);
}

#[tokio::test]
async fn without_a_service_send_at_is_dropped_and_the_text_goes_at_once() {
    let simulator = Simulator::start(&[]);
    let later = (Utc::now() + Duration::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let schedule = [("ScheduleType", "fixed"), ("SendAt", later.as_str())];
    let created = simulator
        .accepted(&[HELLO.as_slice(), &schedule].concat())
        .await;
    assert_eq!(created["status"], "queued");
    simulator.message_in_status(0, "delivered").await;
}

#[tokio::test]
async fn a_message_with_sender_and_service_is_queued_from_that_sender() {
    let simulator = Simulator::start(&[]);
    let both = [HELLO.as_slice(), &[("MessagingServiceSid", SERVICE)]].concat();
    let created = simulator.accepted(&both).await;
    assert_eq!(
        ["status", "from", "messaging_service_sid", "num_segments"].map(|key| &created[key]),
        ["queued", "+15005550006", SERVICE, "1"]
    );
}

#[tokio::test]
async fn smart_encoding_saves_segments() {
    let simulator = Simulator::start(&[]);
    let text = "“".to_owned() + &"a".repeat(100);
    let params = [
        ("To", "+14155550100"),
        ("From", "+15005550006"),
        ("Body", text.as_str()),
    ];
    let plain = simulator.accepted(&params).await;
    assert_eq!(plain["num_segments"], "2");
    let smart = [params.as_slice(), &[("SmartEncoded", "true")]].concat();
    let encoded = simulator.accepted(&smart).await;
    assert_eq!(encoded["num_segments"], "1");
    assert!(encoded["body"].as_str().unwrap().starts_with("\"aaa"));
}

#[tokio::test]
async fn retention_hides_text_and_number_from_the_api_and_not_from_the_truth() {
    let simulator = Simulator::start(&[]);
    let more = [
        ("ContentRetention", "discard"),
        ("AddressRetention", "obfuscate"),
        ("ProvideFeedback", "true"),
    ];
    let created = simulator
        .accepted(&[HELLO.as_slice(), &more].concat())
        .await;
    assert_eq!(
        (&created["body"], &created["to"]),
        (&json!(""), &json!("+1415555XXXX"))
    );
    let feedback = created["subresource_uris"]["feedback"].as_str().unwrap();
    assert!(feedback.ends_with("/Feedback.json"), "{feedback}");
    let truth = simulator.control("/messages").await["accepted"][0].clone();
    assert_eq!(
        (&truth["body"], &truth["to"]),
        (&json!("Hello"), &json!("+14155550100"))
    );
}

#[tokio::test]
async fn media_make_it_an_mms() {
    let simulator = Simulator::start(&[]);
    let media = [
        ("MediaUrl", "https://example.org/1.png"),
        ("MediaUrl", "https://example.org/2.png"),
    ];
    let created = simulator
        .accepted(&[HELLO.as_slice(), &media].concat())
        .await;
    assert!(created["sid"].as_str().unwrap().starts_with("MM"));
    assert_eq!(created["num_media"], "2");
}
