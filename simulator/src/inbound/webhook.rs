//! Calling an inbound webhook: signed, with the retries its URL asks for, and what its answer means.

use std::time::Duration;

use herald_core::signature;
use reqwest::header;
use tokio::time::Instant;
use uuid::Uuid;

use super::services::Method;
use super::text::Call;
use super::twiml::{self, Answer};
use crate::callback_target::{CallbackTarget, TryOutcome};
use crate::callbacks;
use crate::simulator::Simulator;

/// Pause before the first retry, doubled for each one after it. In real time: the receiver's patience is real, too.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The largest answer Twilio reads.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Retrieval failed: an error status, or no answer in time.
const RETRIEVAL_FAILURE: i32 = 11200;
/// No connection.
const CONNECTION_FAILURE: i32 = 11205;
/// The answer is too large.
const TOO_LARGE: i32 = 11750;

/// What came of calling one URL.
pub(super) struct Called {
    pub(super) calls: Vec<Call>,
    /// The answer, or the code of what went wrong.
    pub(super) result: Result<Answer, i32>,
}

/// Calls `url` until there is an answer or no retry is left. `None`: Twilio would refuse the URL.
pub(super) async fn call(
    simulator: &Simulator,
    url: &str,
    method: Method,
    params: &[(String, String)],
) -> Option<Called> {
    let target = CallbackTarget::parse(url)?;
    let overrides = &target.overrides;
    let token = Uuid::new_v4().to_string();
    let deadline = Instant::now() + overrides.total;
    let mut calls = Vec::new();
    let mut result = Err(CONNECTION_FAILURE);
    for attempt in 0..=overrides.retries {
        if attempt > 0 {
            tokio::time::sleep(RETRY_PAUSE * 2_u32.pow(attempt - 1)).await;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let at = simulator.clock.now();
        let timeout = overrides.read.min(left);
        let (outcome, answer) = request(simulator, &target, method, params, &token, timeout).await;
        let (http_status, error) = match outcome {
            TryOutcome::Answered(status) => (Some(status), None),
            TryOutcome::NoConnection => (None, Some("no_connection")),
            TryOutcome::NoAnswer => (None, Some("no_answer")),
        };
        calls.push(Call {
            url: target.url.to_string(),
            at,
            http_status,
            error,
            idempotency_token: token.clone(),
        });
        result = answer;
        if !overrides.retries_after(outcome) {
            break;
        }
    }
    Some(Called { calls, result })
}

async fn request(
    simulator: &Simulator,
    target: &CallbackTarget,
    method: Method,
    params: &[(String, String)],
    idempotency_token: &str,
    timeout: Duration,
) -> (TryOutcome, Result<Answer, i32>) {
    let Ok(client) = simulator.courier.client(target.overrides.connect) else {
        return (TryOutcome::NoConnection, Err(CONNECTION_FAILURE));
    };
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish();
    let token = simulator.credentials.tokens().primary.clone();
    let (request, signature) = match method {
        Method::Post => {
            let form = "application/x-www-form-urlencoded; charset=UTF-8";
            let request = client
                .post(target.url.clone())
                .header(header::CONTENT_TYPE, form)
                .body(encoded);
            (request, signature::sign(&token, &target.signed_url, params))
        }
        Method::Get => {
            let mut url = target.url.clone();
            let query = match url.query() {
                Some(query) => format!("{query}&{encoded}"),
                None => encoded.clone(),
            };
            url.set_query(Some(&query));
            let mark = if target.signed_url.contains('?') {
                '&'
            } else {
                '?'
            };
            let signed_url = format!("{}{mark}{encoded}", target.signed_url);
            (client.get(url), signature::sign(&token, &signed_url, &[]))
        }
    };
    let request = request
        .timeout(timeout)
        .header("X-Twilio-Signature", signature)
        .header("I-Twilio-Idempotency-Token", idempotency_token);
    let response = match callbacks::send(target, request).await {
        Ok(response) => response,
        Err(error) if error.is_connect() => {
            return (TryOutcome::NoConnection, Err(CONNECTION_FAILURE));
        }
        Err(_) => return (TryOutcome::NoAnswer, Err(RETRIEVAL_FAILURE)),
    };
    read(response).await
}

async fn read(mut response: reqwest::Response) -> (TryOutcome, Result<Answer, i32>) {
    let status = response.status();
    let outcome = TryOutcome::Answered(status.as_u16());
    if !status.is_success() {
        return (outcome, Err(RETRIEVAL_FAILURE));
    }
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => return (TryOutcome::NoAnswer, Err(RETRIEVAL_FAILURE)),
        }
        if body.len() > MAX_ANSWER_BYTES {
            return (outcome, Err(TOO_LARGE));
        }
    }
    let body = String::from_utf8_lossy(&body);
    (outcome, twiml::read(content_type.as_deref(), &body))
}
