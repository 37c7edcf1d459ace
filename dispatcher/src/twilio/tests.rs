//! The client against a server that answers as Twilio does, or as the network does on a bad day.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::answer::MAX_ANSWER_BYTES;
use super::*;

pub(crate) const SID: &str = "SM00000000000000000000000000000001";

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Answers with status line, headers and body; the connection is closed after that.
    Answer(String),
    /// Closes the connection after the request was read.
    Close,
    /// Resets the connection while the body is unread.
    Reset,
    /// Reads the request and answers as the other after this time.
    Slow(Duration, String),
    /// Reads the request and never answers.
    Stall,
}

pub(crate) fn accepted() -> Behaviour {
    answer(
        "201 Created",
        "",
        &format!(r#"{{"sid":"{SID}","status":"queued","num_segments":"2"}}"#),
    )
}

fn answer(status: &str, headers: &str, body: &str) -> Behaviour {
    let length = body.len();
    Behaviour::Answer(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\nTwilio-Request-Id: RQ1\r\n{headers}\r\n{body}"
    ))
}

/// A server on a free port. Returns its base URL and the requests it read.
pub(crate) async fn serve(behaviour: Behaviour) -> (Url, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (requests, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream, behaviour.clone(), requests.clone()));
        }
    });
    (base.parse().unwrap(), seen)
}

async fn handle(
    mut stream: TcpStream,
    behaviour: Behaviour,
    requests: mpsc::UnboundedSender<String>,
) {
    let mut request = Vec::new();
    if matches!(behaviour, Behaviour::Reset) {
        // Bytes left unread turn the close into a reset.
        stream.read_exact(&mut [0; 16]).await.unwrap();
        return;
    }
    while !is_complete(&request) {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&bytes[..read]),
        }
    }
    requests.send(String::from_utf8(request).unwrap()).ok();
    match behaviour {
        Behaviour::Answer(text) => stream.write_all(text.as_bytes()).await.unwrap(),
        Behaviour::Slow(time, text) => {
            tokio::time::sleep(time).await;
            stream.write_all(text.as_bytes()).await.unwrap();
        }
        Behaviour::Stall => std::future::pending().await,
        Behaviour::Close | Behaviour::Reset => {}
    }
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

pub(crate) fn config(base: Url) -> TwilioConfig {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    TwilioConfig {
        keywords: herald_core::keywords::Handling::Default,
        account_sid: "AC00000000000000000000000000000001".to_owned(),
        auth_tokens: vec![Secret::new("token-one"), Secret::new("token-two")],
        api_key: None,
        sender: Sender::From("+15005550006".to_owned()),
        verify_service_sid: None,
        verify_base_url: base.clone(),
        smart_encoded: false,
        api_base_url: base,
        request_timeout: Duration::from_secs(35),
    }
}

async fn create(config: &TwilioConfig) -> Answer {
    let text = Create {
        to: "+14155550100",
        body: "Hi & bye é",
        status_callback: "https://h.example/twilio/status?m=1&a=1&s=2#rc=5",
        validity_seconds: Some(100_000),
    };
    Twilio::new(config).unwrap().create(&text, || true).await
}

async fn outcome(behaviour: Behaviour) -> Answer {
    let (base, _seen) = serve(behaviour).await;
    create(&config(base)).await
}

#[tokio::test]
async fn an_accepted_text_brings_sid_status_and_segments() {
    let (base, mut seen) = serve(accepted()).await;
    let result = create(&config(base)).await;
    assert_eq!(result.outcome, Outcome::Accepted);
    assert_eq!(result.sid.as_deref(), Some(SID));
    assert_eq!(result.twilio_status.as_deref(), Some("queued"));
    assert_eq!(
        (result.http_status, result.segments, result.reason),
        (Some(201), Some(2), None)
    );
    assert_eq!(result.request_id.as_deref(), Some("RQ1"));

    let request = seen.recv().await.unwrap();
    let path =
        "POST /2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json HTTP/1.1\r\n";
    assert!(request.starts_with(path), "{request}");
    let body = request.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "To=%2B14155550100&Body=Hi+%26+bye+%C3%A9\
         &StatusCallback=https%3A%2F%2Fh.example%2Ftwilio%2Fstatus%3Fm%3D1%26a%3D1%26s%3D2%23rc%3D5\
         &From=%2B15005550006&ValidityPeriod=36000"
    );
    // AC…1:token-one
    let basic = "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0b2tlbi1vbmU=";
    assert!(
        request.contains(&format!("authorization: Basic {basic}")),
        "{request}"
    );
}

#[tokio::test]
async fn api_key_and_messaging_service_are_used_when_given() {
    let (base, mut seen) = serve(accepted()).await;
    let config = TwilioConfig {
        api_key: Some(("SK1".to_owned(), Secret::new("secret"))),
        sender: Sender::MessagingService("MG1".to_owned()),
        ..config(base)
    };
    assert_eq!(create(&config).await.outcome, Outcome::Accepted);
    let request = seen.recv().await.unwrap();
    assert!(
        request.contains("authorization: Basic U0sxOnNlY3JldA=="),
        "{request}"
    );
    assert!(
        request.contains("&MessagingServiceSid=MG1&") && !request.contains("From="),
        "{request}"
    );
}

#[tokio::test]
async fn refusals_are_classified_by_status_first_and_then_by_code() {
    let json = |code: i32| format!(r#"{{"code":{code},"message":"no","status":400}}"#);
    for (status, body, expected, code) in [
        (
            "400 Bad Request",
            json(21211),
            Outcome::Rejected,
            Some(21211),
        ),
        (
            "429 Too Many Requests",
            json(20429),
            Outcome::NotSent,
            Some(20429),
        ),
        (
            "401 Unauthorized",
            json(20003),
            Outcome::NotSent,
            Some(20003),
        ),
        ("404 Not Found", "<html>".to_owned(), Outcome::NotSent, None),
        (
            "500 Internal Server Error",
            json(20500),
            Outcome::Unknown,
            Some(20500),
        ),
        (
            "502 Bad Gateway",
            "<html>Bad Gateway</html>".to_owned(),
            Outcome::Unknown,
            None,
        ),
        ("302 Found", String::new(), Outcome::Unknown, None),
    ] {
        let result = outcome(answer(status, "Location: http://127.0.0.1:1/\r\n", &body)).await;
        assert_eq!(
            (result.outcome, result.error_code),
            (expected, code),
            "{status}"
        );
        assert_eq!((result.reason, result.sid), (None, None), "{status}");
    }
}

#[tokio::test]
async fn newer_error_bodies_are_read_as_well() {
    let body = r#"{"type":"x","title":"Too many","status":429,"code":20429}"#;
    let result = outcome(answer("429 Too Many Requests", "Retry-After: 7\r\n", body)).await;
    assert_eq!(result.error_message.as_deref(), Some("Too many"));
    assert_eq!(result.retry_after_seconds, Some(7));

    for (body, code, message) in [
        (
            r#"{"type":"x","title":"Bad","detail":"Not a number","status":400,"code":"21211","errors":[{"detail":"To"}]}"#,
            Some(21211),
            Some("Not a number"),
        ),
        (
            r#"{"title":"Bad","status":400,"code":null}"#,
            None,
            Some("Bad"),
        ),
        (r#"{"title":"Bad","code":99999999999}"#, None, Some("Bad")),
        (r#"{"code":{"a":1},"message":"x"}"#, None, Some("x")),
        (r#"{"message":21211}"#, None, None),
        ("[]", None, None),
        ("", None, None),
    ] {
        let result = outcome(answer("400 Bad Request", "", body)).await;
        assert_eq!(
            (result.error_code, result.error_message.as_deref()),
            (code, message),
            "{body}"
        );
        assert_eq!(result.outcome, Outcome::Rejected, "{body}");
    }
}

#[tokio::test]
async fn without_a_code_the_status_says_whether_the_text_is_to_blame() {
    for (status, expected) in [
        ("400 Bad Request", Outcome::Rejected),
        ("413 Content Too Large", Outcome::Rejected),
        ("401 Unauthorized", Outcome::NotSent),
        ("403 Forbidden", Outcome::NotSent),
        ("407 Proxy Authentication Required", Outcome::NotSent),
        ("429 Too Many Requests", Outcome::NotSent),
        ("408 Request Timeout", Outcome::Unknown),
        ("500 Internal Server Error", Outcome::Unknown),
        ("503 Service Unavailable", Outcome::Unknown),
        ("504 Gateway Timeout", Outcome::Unknown),
    ] {
        let result = outcome(answer(status, "", "<html>no</html>")).await;
        assert_eq!(result.outcome, expected, "{status}");
        assert_eq!(result.request_id.as_deref(), Some("RQ1"), "{status}");
    }
}

#[tokio::test]
async fn a_refusal_with_a_broken_body_goes_by_its_status() {
    let cut = |status: &str| {
        Behaviour::Answer(format!(
            "HTTP/1.1 {status}\r\nContent-Length: 500\r\n\r\n{{\"code\":21"
        ))
    };
    let result = outcome(cut("400 Bad Request")).await;
    assert_eq!(
        (result.outcome, result.error_code),
        (Outcome::Rejected, None)
    );
    let result = outcome(cut("500 Internal Server Error")).await;
    assert_eq!(result.outcome, Outcome::Unknown);
}

#[tokio::test]
async fn an_accepted_text_may_have_failed_already() {
    let body = format!(r#"{{"sid":"{SID}","status":"failed","error_code":30037}}"#);
    let result = outcome(answer("200 OK", "", &body)).await;
    assert_eq!(
        (
            result.outcome,
            result.error_code,
            result.twilio_status.as_deref()
        ),
        (Outcome::Accepted, Some(30037), Some("failed"))
    );
    assert!(!result.is_refused());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    for (body, smart_encoded, goes) in [
        ("a".repeat(1600), false, true),
        ("a".repeat(1601), false, false),
        // Two UTF-16 units each.
        ("😜".repeat(800), false, true),
        ("😜".repeat(801), false, false),
        // Smart encoding makes three full stops of each.
        ("…".repeat(600), false, true),
        ("…".repeat(600), true, false),
        // and nothing of these.
        ("\u{200b}".repeat(1700), true, true),
    ] {
        let (base, mut seen) = serve(accepted()).await;
        let config = TwilioConfig {
            smart_encoded,
            ..config(base)
        };
        let text = Create {
            to: "+14155550100",
            body: &body,
            status_callback: "https://h.example/twilio/status",
            validity_seconds: None,
        };
        let result = Twilio::new(&config).unwrap().create(&text, || true).await;
        if goes {
            assert_eq!(result.outcome, Outcome::Accepted);
            let request = seen.recv().await.unwrap();
            assert_eq!(request.contains("&SmartEncoded=true"), smart_encoded);
        } else {
            assert_eq!(
                (result.outcome, result.error_code, result.reason),
                (Outcome::Rejected, Some(21617), Some("too_long"))
            );
            assert!(seen.try_recv().is_err(), "it was sent");
        }
    }
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_unknown() {
    let large = format!(
        r#"{{"sid":"{SID}","body":"{}"}}"#,
        "x".repeat(MAX_ANSWER_BYTES)
    );
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"sid":null}"#,
        r#"{"sid":"XX1"}"#,
        &large,
    ] {
        let result = outcome(answer("201 Created", "", body)).await;
        assert_eq!(
            (result.outcome, result.reason),
            (Outcome::Unknown, Some("unreadable"))
        );
        assert_eq!(result.http_status, Some(201));
    }
    let cut = "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"sid\":".to_owned();
    let result = outcome(Behaviour::Answer(cut)).await;
    assert_eq!(
        (result.outcome, result.reason),
        (Outcome::Unknown, Some("unreadable"))
    );
}

#[tokio::test]
async fn after_the_request_was_written_nobody_knows() {
    for behaviour in [Behaviour::Close, Behaviour::Reset] {
        let result = outcome(behaviour).await;
        assert_eq!(
            (result.outcome, result.reason),
            (Outcome::Unknown, Some("reset"))
        );
    }
    let (base, mut seen) = serve(Behaviour::Stall).await;
    let config = TwilioConfig {
        request_timeout: Duration::from_millis(200),
        ..config(base)
    };
    let result = create(&config).await;
    assert_eq!(
        (result.outcome, result.reason),
        (Outcome::Unknown, Some("timeout"))
    );
    assert!(seen.recv().await.is_some());
    assert!(seen.try_recv().is_err(), "the request was repeated");
}

#[tokio::test]
async fn before_the_request_was_written_nothing_was_sent() {
    for base in [
        "http://127.0.0.1:1",
        "http://herald..invalid",
        "https://127.0.0.1:1",
    ] {
        let result = create(&config(base.parse().unwrap())).await;
        assert_eq!(
            (result.outcome, result.reason),
            (Outcome::NotSent, Some("connect")),
            "{base}"
        );
    }
    // TLS to a server that speaks none.
    let (base, _seen) = serve(Behaviour::Reset).await;
    let base = base.as_str().replace("http:", "https:");
    let result = create(&config(base.parse().unwrap())).await;
    assert_eq!(
        (result.outcome, result.reason),
        (Outcome::NotSent, Some("connect"))
    );
}

#[tokio::test]
async fn the_account_is_asked_for_its_status() {
    let (base, mut seen) = serve(answer("200 OK", "", r#"{"status":"active"}"#)).await;
    let status = Twilio::new(&config(base))
        .unwrap()
        .account_status()
        .await
        .unwrap();
    assert_eq!(status, "active");
    assert!(
        seen.recv()
            .await
            .unwrap()
            .starts_with("GET /2010-04-01/Accounts/AC00000000000000000000000000000001.json ")
    );

    let (base, _seen) = serve(answer("401 Unauthorized", "", r#"{"code":20003}"#)).await;
    let error = Twilio::new(&config(base))
        .unwrap()
        .account_status()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 answered 401 with error 20003");
}

#[tokio::test]
async fn what_may_not_go_any_more_when_it_is_about_to_be_written_is_not_sent() {
    let (base, mut seen) = serve(accepted()).await;
    let text = Create {
        to: "+14155550100",
        body: "Hi",
        status_callback: "https://h.example/twilio/status",
        validity_seconds: None,
    };
    let twilio = Twilio::new(&config(base)).unwrap();
    let late = twilio.create(&text, || false).await;
    assert_eq!(
        (late.outcome, late.reason),
        (Outcome::NotSent, Some("late"))
    );
    let went = seen
        .try_recv()
        .is_ok_and(|request| request.contains("Body=Hi"));
    assert!(!went, "its text was written");
    assert_eq!(
        twilio.create(&text, || true).await.outcome,
        Outcome::Accepted
    );
}
