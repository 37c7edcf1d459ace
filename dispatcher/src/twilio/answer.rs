//! What an answer of Twilio's, or its absence, says about the text.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use herald_core::catalogue;
use herald_core::outcome::{Outcome, classify_response};
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::chain;

/// No answer of the Messages resource comes near this.
pub(super) const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Whatever a gateway writes into `Retry-After`.
const LONGEST_RETRY_AFTER: u64 = 24 * 60 * 60;

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
    /// Why, when Twilio did not say it: late, shutdown, too_long, request, connect, timeout, reset,
    /// unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

impl Answer {
    /// Twilio answered, and did not take it.
    pub(crate) fn is_refused(&self) -> bool {
        self.http_status.is_some_and(|status| status >= 400)
    }

    /// The catalogue says what its error code means.
    pub(crate) fn is_known(&self) -> bool {
        self.error_code
            .is_some_and(|code| catalogue::lookup(code).is_some())
    }

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

#[derive(Deserialize)]
struct MessageBody {
    sid: String,
    status: Option<String>,
    num_segments: Option<String>,
    error_code: Option<i32>,
}

/// The body of a refusal.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    /// Twilio's error code; newer answers may have it as text.
    #[serde(default, deserialize_with = "number_or_text")]
    pub(super) code: Option<i32>,
    message: Option<String>,
    /// RFC 9457 answers have these two instead of `message`.
    detail: Option<String>,
    title: Option<String>,
}

fn number_or_text<'de, D: Deserializer<'de>>(code: D) -> Result<Option<i32>, D::Error> {
    Ok(match Value::deserialize(code)? {
        Value::Number(number) => number.as_i64().and_then(|code| code.try_into().ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// No answer: before the request was written nothing was sent, after that nobody knows.
pub(super) fn without_answer(error: &reqwest::Error, elapsed: Duration) -> Answer {
    let (outcome, reason) = match error {
        error if error.is_builder() => (Outcome::NotSent, "request"),
        error if error.is_connect() => (Outcome::NotSent, "connect"),
        error if error.is_timeout() => (Outcome::Unknown, "timeout"),
        _ => (Outcome::Unknown, "reset"),
    };
    tracing::debug!(reason, error = chain(error), "no answer from Twilio");
    Answer::without_response(outcome, reason, elapsed)
}

/// An answer came: its status decides first, then the code in its body.
pub(super) async fn read_answer(response: Response, started: Instant) -> Answer {
    let status = response.status().as_u16();
    let request_id = header(response.headers(), "twilio-request-id");
    let retry_after = retry_after(response.headers());
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
                answer.error_code = message.error_code;
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
            .or(error.detail)
            .or(error.title)
            .map(|text| text.replace('\0', ""));
    }
    answer.outcome = classify_response(status, answer.error_code);
    answer
}

/// The whole body, or `None` if it broke off or is larger than any answer of Twilio's.
pub(crate) async fn read_limited(mut response: Response) -> Option<Vec<u8>> {
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

/// Seconds, or a date from which that of the answer is subtracted, since our clock may be wrong; at most a day.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds.min(LONGEST_RETRY_AFTER));
    }
    let then = DateTime::parse_from_rfc2822(value).ok()?;
    let now = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = now.and_then(|date| DateTime::parse_from_rfc2822(date.trim()).ok());
    let now = now.map_or_else(Utc::now, |date| date.to_utc());
    let seconds = u64::try_from((then.to_utc() - now).num_seconds()).ok()?;
    Some(seconds.min(LONGEST_RETRY_AFTER))
}

fn is_message_sid(sid: &str) -> bool {
    matches!(sid.get(..2), Some("SM" | "MM"))
        && sid.len() == 34
        && sid.bytes().skip(2).all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            // Whatever our own clock says.
            headers.insert(DATE, "Sun, 22 Nov 2026 10:00:00 GMT".parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("30"), Some(30));
        assert_eq!(read("99999999999"), Some(86_400));
        assert_eq!(read("Sun, 22 Nov 2026 10:01:00 GMT"), Some(60));
        assert_eq!(read("Sun, 22 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(read("soon"), None);
    }
}
