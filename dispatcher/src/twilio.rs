//! The HTTP client for Twilio: one request a text, never repeated here, and what its answer means.
//!
//! Facts: <https://www.twilio.com/docs/messaging/api/message-resource>,
//! <https://www.twilio.com/docs/api/errors/20500> (a create that failed at Twilio may have been carried out).

#[cfg(test)]
pub(crate) mod tests;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use herald_core::outcome::{Outcome, classify_response};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};

use crate::config::{Secret, Sender, TwilioConfig, is_loopback};
use crate::error::chain;

/// Longest time for name look-up, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed well before a load balancer would (60 s is usual), so that a request is not written
/// into a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// No answer of the Messages resource comes near this.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What one create request came to.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Answer {
    /// What is known about the text now.
    #[serde(skip)]
    pub(crate) outcome: Outcome,
    /// Twilio's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// Twilio's word for its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) twilio_status: Option<String>,
    /// HTTP status; none if no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<u16>,
    /// Twilio's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<i32>,
    /// Twilio's text or ours. May hold the number: for the database, not for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_message: Option<String>,
    /// `Twilio-Request-Id`, which Twilio's support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    /// From the start of the request to the end of the answer.
    pub(crate) elapsed_ms: u64,
    /// Segments that Twilio counted, if it counted already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<i32>,
    /// `Retry-After`, if present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_seconds: Option<u64>,
    /// Why, when Twilio did not say it: late, shutdown, request, connect, timeout, reset, unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

impl Answer {
    /// An end that Twilio's answer had no part in.
    pub(crate) fn without_response(
        outcome: Outcome,
        reason: &'static str,
        elapsed: Duration,
    ) -> Self {
        Self {
            outcome,
            sid: None,
            twilio_status: None,
            http_status: None,
            error_code: None,
            error_message: None,
            request_id: None,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            segments: None,
            retry_after_seconds: None,
            reason: Some(reason),
        }
    }
}

/// One text as Twilio gets it.
pub(crate) struct Create<'a> {
    /// E.164.
    pub(crate) to: &'a str,
    /// The text.
    pub(crate) body: &'a str,
    /// Where Twilio reports what becomes of it.
    pub(crate) status_callback: &'a str,
    /// Seconds that it may wait in Twilio's queue; brought into Twilio's 1 to 36000.
    pub(crate) validity_seconds: Option<i32>,
}

/// Why the client or the credentials do not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwilioError {
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("no answer from {0}")]
    NoAnswer(String, #[source] reqwest::Error),
    /// Twilio refuses the credentials or the account.
    #[error("{host} answered {status}{}", .code.map_or(String::new(), |code| format!(" with error {code}")))]
    Refused {
        /// Whom we asked.
        host: String,
        /// HTTP status.
        status: u16,
        /// Twilio's error code.
        code: Option<i32>,
    },
}

/// The client. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub(crate) struct Twilio {
    client: Client,
    account_url: Url,
    messages_url: Url,
    user: String,
    password: Secret,
    sender: Sender,
}

#[derive(Deserialize)]
struct MessageBody {
    sid: String,
    status: Option<String>,
    num_segments: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: Option<i32>,
    message: Option<String>,
    /// RFC 9457 answers have this instead of `message`.
    title: Option<String>,
}

impl Twilio {
    /// Makes the client: HTTP/1.1 with kept connections, no redirects, no retries. The usual proxy variables count,
    /// except for a simulator on this machine.
    pub(crate) fn new(config: &TwilioConfig) -> Result<Self, TwilioError> {
        let mut client = Client::builder();
        if is_loopback(&config.api_base_url) {
            client = client.no_proxy();
        }
        let client = client
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.request_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("pg_herald/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(TwilioError::Client)?;
        let (user, password) = match (&config.api_key, config.auth_tokens.first()) {
            (Some((key, secret)), _) => (key.clone(), secret.clone()),
            (None, token) => {
                let token = token.cloned().unwrap_or_else(|| Secret::new(""));
                (config.account_sid.clone(), token)
            }
        };
        let account = format!("/2010-04-01/Accounts/{}", config.account_sid);
        let url = |path: &str| {
            let mut url = config.api_base_url.clone();
            url.set_path(path);
            url
        };
        Ok(Self {
            client,
            account_url: url(&format!("{account}.json")),
            messages_url: url(&format!("{account}/Messages.json")),
            user,
            password,
            sender: config.sender.clone(),
        })
    }

    /// Asks Twilio to send one text. Never fails: whatever happens is an [`Answer`].
    pub(crate) async fn create(&self, text: &Create<'_>) -> Answer {
        let started = Instant::now();
        let validity = text
            .validity_seconds
            .map(|seconds| seconds.clamp(1, 36_000).to_string());
        let mut form = vec![
            ("To", text.to),
            ("Body", text.body),
            ("StatusCallback", text.status_callback),
        ];
        form.push(match &self.sender {
            Sender::From(from) => ("From", from),
            Sender::MessagingService(sid) => ("MessagingServiceSid", sid),
        });
        if let Some(validity) = &validity {
            form.push(("ValidityPeriod", validity));
        }
        let request = self
            .client
            .post(self.messages_url.clone())
            .basic_auth(&self.user, Some(self.password.expose()))
            .form(&form)
            .build();
        let request = match request {
            Ok(request) => request,
            Err(_) => {
                return Answer::without_response(Outcome::NotSent, "request", started.elapsed());
            }
        };
        match self.client.execute(request).await {
            Ok(response) => read_answer(response, started).await,
            Err(error) => without_answer(&error, started.elapsed()),
        }
    }

    /// Asks Twilio for the account, which proves host, credentials and account SID. Returns the account's status.
    pub(crate) async fn account_status(&self) -> Result<String, TwilioError> {
        let host = self.account_url.host_str().unwrap_or_default().to_owned();
        let request = self
            .client
            .get(self.account_url.clone())
            .basic_auth(&self.user, Some(self.password.expose()));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(TwilioError::NoAnswer(host, error.without_url())),
        };
        let status = response.status();
        let body = read_limited(response).await.unwrap_or_default();
        if !status.is_success() {
            let code = serde_json::from_slice::<ErrorBody>(&body)
                .ok()
                .and_then(|body| body.code);
            return Err(TwilioError::Refused {
                host,
                status: status.as_u16(),
                code,
            });
        }
        let account: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(account["status"].as_str().unwrap_or("unknown").to_owned())
    }
}

/// No answer: before the request was written nothing was sent, after that nobody knows.
fn without_answer(error: &reqwest::Error, elapsed: Duration) -> Answer {
    let (outcome, reason) = match error {
        error if error.is_builder() => (Outcome::NotSent, "request"),
        error if error.is_connect() => (Outcome::NotSent, "connect"),
        error if error.is_timeout() => (Outcome::Unknown, "timeout"),
        _ => (Outcome::Unknown, "reset"),
    };
    tracing::debug!(reason, error = chain(error), "no answer from Twilio");
    Answer::without_response(outcome, reason, elapsed)
}

async fn read_answer(response: Response, started: Instant) -> Answer {
    let status = response.status().as_u16();
    let request_id = header(response.headers(), "twilio-request-id");
    let retry_after = retry_after(response.headers(), Utc::now());
    let body = read_limited(response).await;

    let mut answer = Answer {
        http_status: Some(status),
        request_id,
        retry_after_seconds: retry_after,
        reason: None,
        ..Answer::without_response(Outcome::Unknown, "", started.elapsed())
    };
    if (200..300).contains(&status) {
        match body.and_then(|body| serde_json::from_slice::<MessageBody>(&body).ok()) {
            Some(message) if is_message_sid(&message.sid) => {
                answer.outcome = Outcome::Accepted;
                answer.sid = Some(message.sid);
                answer.twilio_status = message.status;
                answer.segments = message
                    .num_segments
                    .and_then(|count| count.parse().ok())
                    .filter(|count| *count > 0);
            }
            _ => answer.reason = Some("unreadable"),
        }
        return answer;
    }
    if let Some(error) = body.and_then(|body| serde_json::from_slice::<ErrorBody>(&body).ok()) {
        answer.error_code = error.code;
        answer.error_message = error
            .message
            .or(error.title)
            .map(|text| text.replace('\0', ""));
    }
    answer.outcome = classify_response(status, answer.error_code);
    answer
}

/// The whole body, or `None` if it broke off or is larger than any answer of Twilio's.
async fn read_limited(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => {
                body.extend_from_slice(&chunk)
            }
            Ok(None) => return Some(body),
            _ => return None,
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// Seconds, or a date from which `now` is subtracted.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    u64::try_from((date.to_utc() - now).num_seconds()).ok()
}

fn is_message_sid(sid: &str) -> bool {
    matches!(sid.get(..2), Some("SM" | "MM"))
        && sid.len() == 34
        && sid.bytes().skip(2).all(|b| b.is_ascii_hexdigit())
}
