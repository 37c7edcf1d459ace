//! Who gets in, what is read, and when the answer is given.

mod texts;

use herald_core::callback::status_callback_url;
use herald_core::keywords::Handling;
use herald_core::signature::sign;
use uuid::Uuid;

use super::*;
use crate::config::Sender;

const PUBLIC_URL: &str = "https://Herald.example.org/base";
const TOKEN: &str = "12345";
const FORM: &[(&str, &str)] = &[
    ("MessageSid", "SM00000000000000000000000000000001"),
    ("MessageStatus", "undelivered"),
    ("ErrorCode", "30003"),
    ("To", "+14155550100"),
    ("SomethingNew", "a\0b"),
];

struct Bench {
    webhook: Webhook,
    callbacks: mpsc::UnboundedReceiver<Pending<Callback>>,
    texts: mpsc::UnboundedReceiver<Pending<Text>>,
    _hello: watch::Sender<Option<Hello>>,
}

fn key() -> CallbackKey {
    CallbackKey::new([7; 32])
}

fn bench() -> Bench {
    let (callbacks, received) = mpsc::unbounded_channel();
    let (texts, came) = mpsc::unbounded_channel();
    let (hello, hello_seen) = watch::channel(Some(Hello {
        schema_version: 1,
        extension_version: "0.1.0".to_owned(),
        callback_key: key(),
        lease: Duration::from_secs(90),
        clock_offset_seconds: 0.0,
        in_recovery: false,
    }));
    let webhook = Webhook {
        verifier: Verifier::new(PUBLIC_URL, vec!["other".to_owned(), TOKEN.to_owned()]),
        hello: hello_seen,
        callbacks,
        texts,
        inbound_policy: Policy {
            keywords: Handling::Default,
            answers: true,
            sender: Sender::MessagingService("MG1".to_owned()),
        },
        metrics: Arc::new(Metrics::new()),
    };
    Bench {
        webhook,
        callbacks: received,
        texts: came,
        _hello: hello,
    }
}

/// Path and query of the callback URL for this text, as Twilio requests it.
fn target(key: &CallbackKey, message_id: Uuid) -> String {
    let url = status_callback_url("", key, message_id, 3);
    url.split('#').next().unwrap().to_owned()
}

fn request(target: &str, form: &[(&str, &str)], token: &str) -> Request<Body> {
    let params: Vec<(String, String)> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let signature = sign(token, &format!("{PUBLIC_URL}{target}"), &params);
    let encode = |text: &str| text.replace('+', "%2B").replace('\0', "%00");
    let body: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    Request::post(target)
        .header("host", "attacker.example")
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .header("x-twilio-signature", signature)
        .header("i-twilio-idempotency-token", "tok-1")
        .body(Body::from(body.join("&")))
        .unwrap()
}

/// Handles the request while the database answers every callback with `result`.
async fn handle(
    bench: &mut Bench,
    request: Request<Body>,
    result: &str,
) -> (Handled, Option<Callback>) {
    let mut seen = None;
    let handled = {
        let recorder = async {
            while let Some(pending) = bench.callbacks.recv().await {
                seen = Some(pending.record.clone());
                pending.stored.send(result.to_owned()).unwrap();
            }
        };
        tokio::select! {
            handled = bench.webhook.handle(request) => handled,
            () = recorder => unreachable!(),
        }
    };
    (handled, seen)
}

#[tokio::test]
async fn a_signed_callback_is_stored_with_our_ids_and_all_its_parameters() {
    let mut bench = bench();
    let message_id = Uuid::now_v7();
    let request = request(&target(&key(), message_id), FORM, TOKEN);
    let (handled, callback) = handle(&mut bench, request, "applied").await;
    assert_eq!(handled.answer().1, StatusCode::NO_CONTENT);
    let callback = callback.unwrap();
    assert_eq!(callback.message_id, Some(message_id));
    assert_eq!(callback.attempt, Some(3));
    assert_eq!(callback.sid, "SM00000000000000000000000000000001");
    assert_eq!(
        (callback.status.as_str(), callback.error_code),
        ("undelivered", Some(30003))
    );
    assert_eq!(callback.params["SomethingNew"], "a\u{fffd}b");
    assert_eq!(callback.params.len(), FORM.len());
    assert_eq!(callback.idempotency_token.as_deref(), Some("tok-1"));
    let text = bench.webhook.metrics.text();
    assert!(
        text.contains(
            "herald_delivery_status_total{status=\"undelivered\",error_code=\"30003\"} 1"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_forged_request_is_refused_before_anything_else() {
    let mut bench = bench();
    let good = || target(&key(), Uuid::now_v7());
    let unsigned = Request::post(good())
        .body(Body::from("MessageSid=SM1&MessageStatus=sent"))
        .unwrap();
    let mut altered = request(&good(), FORM, TOKEN);
    *altered.uri_mut() = good().parse().unwrap();
    for request in [unsigned, altered, request(&good(), FORM, "wrong")] {
        assert_eq!(
            bench.webhook.handle(request).await.answer().1,
            StatusCode::FORBIDDEN
        );
    }
    assert!(
        bench.callbacks.try_recv().is_err(),
        "a forged request reached the database task"
    );
}

#[tokio::test]
async fn without_our_mac_a_callback_is_found_by_its_sid() {
    let mut bench = bench();
    let foreign = target(&CallbackKey::new([8; 32]), Uuid::now_v7());
    for target in ["/twilio/status", "/twilio/status?m=1", &foreign] {
        let (handled, callback) = handle(&mut bench, request(target, FORM, TOKEN), "orphan").await;
        assert_eq!(handled, Handled::Stored);
        let callback = callback.unwrap();
        assert_eq!(
            (callback.message_id, callback.attempt),
            (None, None),
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_repetition_is_acknowledged_and_counted_apart() {
    let mut bench = bench();
    let request = request("/twilio/status", FORM, TOKEN);
    let (handled, _) = handle(&mut bench, request, "duplicate").await;
    assert_eq!(handled, Handled::Repeated);
    assert_eq!(handled.answer().1, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_no_callback_is_refused() {
    let mut bench = bench();
    let (handled, callback) = handle(
        &mut bench,
        request("/twilio/status", &[("From", "x")], TOKEN),
        "applied",
    )
    .await;
    assert_eq!((handled, callback.is_none()), (Handled::Malformed, true));

    let large = Request::post("/twilio/status")
        .body(Body::from(vec![b'x'; MAX_BODY_BYTES + 1]))
        .unwrap();
    assert_eq!(
        bench.webhook.handle(large).await.answer().1,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn what_cannot_be_stored_is_answered_with_503() {
    let mut bench = bench();
    let mut callbacks = bench.callbacks;
    let refused = tokio::spawn(async move {
        drop(callbacks.recv().await.unwrap().stored);
        callbacks
    });
    let handled = bench
        .webhook
        .handle(request("/twilio/status", FORM, TOKEN))
        .await;
    assert_eq!(handled.answer().1, StatusCode::SERVICE_UNAVAILABLE);

    bench.callbacks = refused.await.unwrap();
    tokio::time::pause();
    let handled = bench
        .webhook
        .handle(request("/twilio/status", FORM, TOKEN))
        .await;
    assert_eq!(handled, Handled::Unavailable, "the database never answered");

    let (_, none) = watch::channel(None);
    bench.webhook.hello = none;
    let handled = bench
        .webhook
        .handle(request("/twilio/status", FORM, TOKEN))
        .await;
    assert_eq!(
        handled,
        Handled::Unavailable,
        "the callback key is not known yet"
    );
}
