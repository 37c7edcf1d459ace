//! Groups by number, verdicts as Postgres takes them, and Twilio's list over HTTP: pages, errors, what is not whole.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use uuid::Uuid;

use crate::config::Sender;
use crate::protocol::look::{groups, verdicts};
use crate::records::UnknownAttempt;
use crate::twilio::tests::config;
use crate::twilio::{Listed, LookupError, Twilio};

const FROM: &str = "+15005550006";

fn attempt(to: &str, body: &str, settle: bool) -> UnknownAttempt {
    UnknownAttempt {
        claim_id: Uuid::nil(),
        message_id: Uuid::now_v7(),
        attempt: 1,
        to_number: to.to_owned(),
        body: body.to_owned(),
        accepted_from: 100,
        accepted_until: 200,
        refused_before: 0,
        settle,
    }
}

fn listed(sid: &str, body: &str) -> Listed {
    Listed {
        sid: sid.to_owned(),
        body: body.to_owned(),
        from: Some(FROM.to_owned()),
        messaging_service_sid: None,
        direction: "outbound-api".to_owned(),
        created: 150,
        status: "sent".to_owned(),
        error_code: None,
    }
}

#[test]
fn each_number_is_looked_at_by_itself() {
    let found = groups(vec![
        attempt("+14155550100", "a", true),
        attempt("+14155550100", "b", false),
        attempt("+14155550101", "a", true),
    ]);
    let sizes: Vec<_> = found
        .iter()
        .map(|group| (group.to.as_str(), group.doubts.len()))
        .collect();
    assert_eq!(sizes, [("+14155550100", 2), ("+14155550101", 1)]);
    assert_eq!(found[0].not_before(), 100);
    assert!(found[0].covers(100) && found[0].covers(200) && !found[0].covers(201));
}

#[test]
fn only_what_is_to_be_settled_gets_a_verdict() {
    let sender = Sender::From(FROM.to_owned());
    let group = groups(vec![
        attempt("+14155550100", "a", true),
        attempt("+14155550100", "b", true),
        attempt("+14155550100", "c", false),
    ])
    .remove(0);
    let words = |listed: Option<&[Listed]>| {
        let results = verdicts(&group, listed, &sender);
        let words = results.iter().map(|r| (r.verdict, r.sid.clone()));
        words.collect::<Vec<_>>()
    };
    assert_eq!(words(None), [("failed", None), ("failed", None)]);
    assert_eq!(words(Some(&[])), [("absent", None), ("absent", None)]);
    let list = [listed("SM1", "b"), listed("SM2", "x")];
    assert_eq!(
        words(Some(&list)),
        [("absent", None), ("found", Some("SM1".to_owned()))]
    );
}

/// HTTP status and body of one answer.
type Reply = (u16, String);

/// Asks a server that gives these answers, one after the other.
async fn twilio_at(replies: Vec<Reply>) -> Twilio {
    let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
    let answer = move || {
        let (status, body) = replies.lock().unwrap().pop_front().unwrap();
        std::future::ready((StatusCode::from_u16(status).unwrap(), body))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer);
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
            connections.push(tokio::spawn(connection));
        }
    });
    Twilio::new(&config(base.parse().unwrap())).unwrap()
}

fn page(sids: &[&str], created: &str, next: Option<&str>) -> Reply {
    let messages: Vec<_> = sids
        .iter()
        .map(|sid| {
            serde_json::json!({ "sid": sid, "body": "hello", "to": "+14155550100", "from": FROM,
                "messaging_service_sid": null, "direction": "outbound-api", "date_created": created,
                "status": "sent", "error_code": null })
        })
        .collect();
    let body = serde_json::json!({ "messages": messages, "next_page_uri": next });
    (200, body.to_string())
}

const NEW: &str = "Sun, 22 Nov 2026 10:00:00 +0000";
const OLD: &str = "Sun, 22 Nov 2026 06:00:00 +0000";

async fn list(replies: Vec<Reply>) -> Result<Vec<String>, LookupError> {
    // 2026-11-22 09:59:00.
    const NOT_BEFORE: i64 = 1_795_341_540;
    let twilio = twilio_at(replies).await;
    let list = twilio.list_to("+14155550100", NOT_BEFORE).await?;
    Ok(list.into_iter().map(|message| message.sid).collect())
}

#[tokio::test]
async fn the_list_is_read_page_by_page_until_it_is_old() {
    let next = Some("/2010-04-01/Accounts/AC/Messages.json?Page=1");
    let pages = vec![
        page(&["SM1", "SM2"], NEW, next),
        page(&["SM3"], OLD, next),
        page(&["SM4"], OLD, None),
    ];
    assert_eq!(list(pages).await.unwrap(), ["SM1", "SM2", "SM3"]);
    assert_eq!(
        list(vec![page(&["SM1"], NEW, next), page(&["SM2"], NEW, None)])
            .await
            .unwrap(),
        ["SM1", "SM2"]
    );
    assert!(list(vec![page(&[], NEW, None)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_list_is_an_error() {
    let next = Some("/2010-04-01/Accounts/AC/Messages.json?Page=1");
    let broken = vec![
        page(&["SM1"], NEW, next),
        (500, r#"{"code": 20500}"#.to_owned()),
    ];
    assert!(matches!(
        list(broken).await,
        Err(LookupError::Refused {
            status: 500,
            code: Some(20500)
        })
    ));
    let elsewhere = vec![page(&["SM1"], NEW, Some("https://example.org/"))];
    assert!(matches!(
        list(elsewhere).await,
        Err(LookupError::Unreadable(_))
    ));
    for body in [
        "<html>",
        "{}",
        r#"{"messages": [{"sid": "SM1", "status": "sent"}]}"#,
    ] {
        assert!(
            matches!(
                list(vec![(200, body.to_owned())]).await,
                Err(LookupError::Unreadable(_))
            ),
            "{body}"
        );
    }
}
