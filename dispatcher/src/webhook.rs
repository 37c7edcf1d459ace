//! `POST /twilio/status`: what Twilio tells about a text after it took it. ([`inbound`] is for texts that come in.)
//!
//! Signature first: a request that Twilio did not sign costs no database work and leaves no trace but a count. Then our
//! own MAC, which says which text is meant. 204 only after the commit; 503 if that takes too long, and Twilio repeats.
//! <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>

mod inbound;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use herald_core::callback::{CallbackError, CallbackKey, read_status_callback};
use herald_core::signature::{VerifiedForm, Verifier};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::callbacks::Pending;
use crate::inbound::{Policy, Text};
use crate::metrics::Metrics;
use crate::records::{Callback, Hello};

pub(crate) use inbound::inbound;

/// Callbacks are below 2 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the commit may take. Twilio waits 10 s for the answer, as our callback URL asks it to.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);

/// What the endpoint needs.
pub(crate) struct Webhook {
    /// Knows the public URL and the auth tokens.
    pub(crate) verifier: Verifier,
    /// What the installation said; its callback key.
    pub(crate) hello: watch::Receiver<Option<Hello>>,
    /// To the task that commits callbacks.
    pub(crate) callbacks: mpsc::UnboundedSender<Pending<Callback>>,
    /// To the task that commits texts that came in.
    pub(crate) texts: mpsc::UnboundedSender<Pending<Text>>,
    /// How these are treated.
    pub(crate) inbound_policy: Policy,
    /// Counts of requests.
    pub(crate) metrics: Arc<Metrics>,
}

/// Result of a request, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handled {
    Stored,
    Repeated,
    Forged,
    Malformed,
    TooLarge,
    Unavailable,
}

impl Handled {
    fn answer(self) -> (&'static str, StatusCode) {
        match self {
            Self::Stored => ("ok", StatusCode::NO_CONTENT),
            Self::Repeated => ("replay", StatusCode::NO_CONTENT),
            Self::Forged => ("forged", StatusCode::FORBIDDEN),
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST),
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// Handles one status callback.
pub(crate) async fn status(
    State(webhook): State<Arc<Webhook>>,
    request: Request<Body>,
) -> StatusCode {
    let started = Instant::now();
    let (result, status) = webhook.handle(request).await.answer();
    webhook.metrics.webhook("status", result, started.elapsed());
    status
}

impl Webhook {
    /// Reads a request and checks that Twilio signed it, before anything else is done.
    async fn admit(&self, request: Request<Body>) -> Result<(Parts, VerifiedForm), Handled> {
        let (head, body) = request.into_parts();
        let body = match timeout(READ_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => return Err(Handled::TooLarge),
            Err(_) => return Err(Handled::Malformed),
        };
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let verified = self.verifier.verify(
            target,
            &body,
            text(&head.headers, header::CONTENT_TYPE.as_str()),
            text(&head.headers, "x-twilio-signature"),
        );
        match verified {
            Ok(form) => Ok((head, form)),
            Err(error) => {
                tracing::warn!(%error, "webhook refused");
                Err(Handled::Forged)
            }
        }
    }

    async fn handle(&self, request: Request<Body>) -> Handled {
        let (head, form) = match self.admit(request).await {
            Ok(admitted) => admitted,
            Err(handled) => return handled,
        };
        let Some(key) = self
            .hello
            .borrow()
            .as_ref()
            .map(|hello| hello.callback_key.clone())
        else {
            return Handled::Unavailable;
        };
        let token = text(&head.headers, "i-twilio-idempotency-token");
        let Some(callback) = read(&form.params, head.uri.query(), &key, token) else {
            tracing::warn!(
                "a signed request without MessageSid and MessageStatus came to the status callback URL"
            );
            return Handled::Malformed;
        };
        self.store(callback).await
    }

    async fn store(&self, callback: Callback) -> Handled {
        let (stored, done) = oneshot::channel();
        let status = callback.status.clone();
        let error_code = callback.error_code;
        if self
            .callbacks
            .send(Pending {
                record: callback,
                stored,
            })
            .is_err()
        {
            return Handled::Unavailable;
        }
        match timeout(STORE_TIMEOUT, done).await {
            Ok(Ok(result)) if result == "duplicate" => Handled::Repeated,
            Ok(Ok(result)) => {
                if result == "applied" {
                    self.metrics.delivery_status(&status, error_code);
                }
                Handled::Stored
            }
            Ok(Err(_)) | Err(_) => Handled::Unavailable,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The callback in a verified form, or `None` if it is none. The set of parameters is open: all are kept.
fn read(
    form: &[(String, String)],
    query: Option<&str>,
    key: &CallbackKey,
    token: Option<&str>,
) -> Option<Callback> {
    let find = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| clean(value))
    };
    let sid = find("MessageSid").or_else(|| find("SmsSid"))?;
    let status = find("MessageStatus").or_else(|| find("SmsStatus"))?;
    let error_code = find("ErrorCode").and_then(|code| code.parse().ok());
    let named = match read_status_callback(query.unwrap_or_default(), key) {
        Ok(named) => Some(named),
        Err(error) => {
            if error == CallbackError::Mac {
                tracing::warn!(
                    sid,
                    "callback URL of another installation: matched by SID only"
                );
            }
            None
        }
    };
    Some(Callback {
        message_id: named.map(|(message_id, _)| message_id),
        attempt: named.map(|(_, attempt)| attempt),
        sid,
        status,
        error_code,
        params: parameters(form),
        idempotency_token: token.map(str::to_owned),
    })
}

/// All parameters, as they are kept.
fn parameters(form: &[(String, String)]) -> Map<String, Value> {
    form.iter()
        .map(|(name, value)| (clean(name), Value::String(clean(value))))
        .collect()
}

/// Postgres takes no NUL in text.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
