//! Texts that come in: who gets in, what is read, and what is answered.

use super::*;
use crate::inbound::Done;

const INBOUND: &[(&str, &str)] = &[
    ("MessageSid", "SM00000000000000000000000000000002"),
    ("From", "+14155550100"),
    ("To", "+15005550006"),
    ("Body", "Help me"),
];

/// Answers a text while the database says `done` of every one of them.
async fn answer_text(
    bench: &mut Bench,
    request: Request<Body>,
    done: &Done,
) -> (StatusCode, String, String, Option<Text>) {
    let mut seen = None;
    let webhook = Arc::new(std::mem::replace(&mut bench.webhook, self::bench().webhook));
    let response = {
        let recorder = async {
            while let Some(pending) = bench.texts.recv().await {
                seen = Some(pending.record.clone());
                pending.stored.send(done.clone()).unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            response = inbound(State(webhook.clone()), request) => response,
            () = recorder => unreachable!(),
        }
    };
    bench.webhook = Arc::into_inner(webhook).unwrap();
    let (head, body) = response.into_parts();
    let content_type = text(&head.headers, "content-type")
        .unwrap_or_default()
        .to_owned();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (head.status, content_type, body, seen)
}

fn done(reply: Option<&str>) -> Done {
    Done {
        result: "help".to_owned(),
        keyword: Some("HELP".to_owned()),
        reply: reply.map(str::to_owned),
        ..Done::default()
    }
}

#[tokio::test]
async fn a_text_is_stored_and_answered_with_our_words() {
    let mut bench = bench();
    let request = || request("/twilio/inbound", INBOUND, TOKEN);
    let (status, content_type, body, text) =
        answer_text(&mut bench, request(), &done(Some("Acme & Co"))).await;
    assert_eq!(
        (status.as_u16(), content_type.as_str()),
        (200, "text/xml; charset=utf-8")
    );
    assert!(
        body.ends_with("<Response><Message>Acme &amp; Co</Message></Response>"),
        "{body}"
    );
    let text = text.unwrap();
    assert_eq!(
        (text.from.as_str(), text.body.as_str()),
        ("+14155550100", "Help me")
    );
    assert!(text.may_reply && text.done_by_twilio.is_none());
    let (_, _, body, _) = answer_text(&mut bench, request(), &done(None)).await;
    assert!(body.ends_with("<Response></Response>"), "{body}");
    let metrics = bench.webhook.metrics.text();
    for line in [
        "herald_inbound_messages_total{keyword=\"HELP\",result=\"help\"} 2",
        "herald_webhook_requests_total{kind=\"inbound\",result=\"ok\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }

    bench.webhook.inbound_policy.answers = false;
    let (status, _, body, _) = answer_text(&mut bench, request(), &done(None)).await;
    assert_eq!((status, body.as_str()), (StatusCode::NO_CONTENT, ""));
}

#[tokio::test]
async fn a_text_may_come_by_get() {
    let mut bench = bench();
    let target =
        "/twilio/inbound?MessageSid=SM1&From=%2B14155550100&To=%2B15005550006&Body=Help+me";
    let get = |token: &str| {
        Request::get(target)
            .header(
                "x-twilio-signature",
                sign(token, &format!("{PUBLIC_URL}{target}"), &[]),
            )
            .body(Body::empty())
            .unwrap()
    };
    let (status, _, _, text) = answer_text(&mut bench, get(TOKEN), &done(None)).await;
    assert_eq!(status, StatusCode::OK);
    let text = text.unwrap();
    assert_eq!(
        (text.from.as_str(), text.body.as_str()),
        ("+14155550100", "Help me")
    );
    let (status, _, _, text) = answer_text(&mut bench, get("wrong"), &done(None)).await;
    assert_eq!((status, text.is_none()), (StatusCode::FORBIDDEN, true));
}

#[tokio::test]
async fn a_stop_counts_what_it_stopped_once() {
    let mut bench = bench();
    let stopped = Done {
        result: "opted_out".to_owned(),
        keyword: Some("STOP".to_owned()),
        cancelled: 3,
        in_flight: 2,
        reply: None,
    };
    let again = Done {
        result: "duplicate".to_owned(),
        ..stopped.clone()
    };
    for done in [stopped, again] {
        let request = request("/twilio/inbound", INBOUND, TOKEN);
        assert_eq!(
            answer_text(&mut bench, request, &done).await.0,
            StatusCode::OK
        );
    }
    let metrics = bench.webhook.metrics.text();
    for line in [
        "herald_opt_out_cancelled_total 3",
        "herald_opt_out_in_flight_total 2",
        "herald_webhook_requests_total{kind=\"inbound\",result=\"replay\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn no_stranger_opts_anybody_out() {
    let mut bench = bench();
    let unsigned = Request::post("/twilio/inbound")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(
            "MessageSid=SM1&From=%2B14155550100&To=%2B15005550006&Body=STOP",
        ))
        .unwrap();
    let other_url = request("/twilio/status", INBOUND, TOKEN);
    let (head, body) = other_url.into_parts();
    let mut moved = Request::from_parts(head, body);
    *moved.uri_mut() = "/twilio/inbound".parse().unwrap();
    for (request, expected) in [
        (unsigned, StatusCode::FORBIDDEN),
        (moved, StatusCode::FORBIDDEN),
        (
            request("/twilio/inbound", INBOUND, "wrong"),
            StatusCode::FORBIDDEN,
        ),
        (
            request("/twilio/inbound", FORM, TOKEN),
            StatusCode::BAD_REQUEST,
        ),
        (
            Request::post("/twilio/inbound")
                .body(Body::from(vec![b'x'; MAX_BODY_BYTES + 1]))
                .unwrap(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (status, _, _, text) = answer_text(&mut bench, request, &done(None)).await;
        assert_eq!((status, text.is_none()), (expected, true));
    }

    drop(bench.texts);
    bench.texts = mpsc::unbounded_channel().1;
    let webhook = Arc::new(bench.webhook);
    let request = request("/twilio/inbound", INBOUND, TOKEN);
    let response = inbound(State(webhook), request).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
