//! The HTTP client for Twilio Verify.
//!
//! Facts: <https://www.twilio.com/docs/verify/api/verification>, <https://www.twilio.com/docs/verify/api/verification-check>.
//! A wrong code is an answer with status 2xx; a verification that is over is a 404.

use std::time::Duration;

use herald_core::verification::{Step, Verdict, answered, refused};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::config::TwilioConfig;
use crate::records::Verification;
use crate::twilio::{Twilio, TwilioError, read_limited};

/// A check that provably was not sent is tried again after these times: a person waits, and the code is only here.
const CHECK_AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// The client of one Verify service. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub(crate) struct VerifyClient {
    twilio: Twilio,
    service_url: Url,
}

/// What one call came to.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Said {
    /// What it means.
    pub(crate) verdict: Verdict,
    /// HTTP status; none if no answer came.
    pub(crate) http_status: Option<u16>,
    /// More, for the database.
    pub(crate) details: Details,
}

/// What `complete_phone_verification` takes as details.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Details {
    /// Twilio's id of the verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// Twilio's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<i32>,
    /// Our words: Twilio's may hold the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_message: Option<String>,
}

impl Said {
    /// An end that no answer of Twilio's had a part in.
    pub(crate) fn without_response(verdict: Verdict, why: &str) -> Self {
        Self {
            verdict,
            http_status: None,
            details: Details {
                error_message: Some(why.to_owned()),
                ..Details::default()
            },
        }
    }
}

#[derive(Deserialize)]
struct Body {
    sid: Option<String>,
    status: Option<serde_json::Value>,
    code: Option<i32>,
}

impl VerifyClient {
    /// A client for the configured service, `None` if there is none.
    pub(crate) fn new(config: &TwilioConfig, twilio: &Twilio) -> Option<Self> {
        let service = config.verify_service_sid.as_ref()?;
        let mut service_url = config.verify_base_url.clone();
        service_url.set_path(&format!("/v2/Services/{service}"));
        Some(Self {
            twilio: twilio.clone(),
            service_url,
        })
    }

    /// Asks what the verification needs. Never fails: whatever happens means something.
    pub(crate) async fn ask(&self, verification: &Verification) -> Said {
        match (verification.step, &verification.code) {
            (Step::Start, _) => self.start(verification).await,
            (Step::Check, Some(code)) => self.check(verification, code).await,
            (Step::Check, None) => Said::without_response(Verdict::ServiceFailure, "no code"),
        }
    }

    async fn start(&self, verification: &Verification) -> Said {
        let form = [
            ("To", verification.phone_number.as_str()),
            ("Channel", verification.channel.as_str()),
        ];
        match self.post("Verifications", &form).await {
            Ok(response) => read(Step::Start, response).await,
            Err(error) => unanswered(&error),
        }
    }

    async fn check(&self, verification: &Verification, code: &str) -> Said {
        let subject = match &verification.verification_sid {
            Some(sid) => ("VerificationSid", sid.as_str()),
            None => ("To", verification.phone_number.as_str()),
        };
        let form = [subject, ("Code", code)];
        let mut pauses = CHECK_AGAIN.iter();
        loop {
            match self.post("VerificationCheck", &form).await {
                Ok(response) => return read(Step::Check, response).await,
                Err(error) => match pauses.next() {
                    Some(pause) if error.is_connect() => sleep(*pause).await,
                    _ => return unanswered(&error),
                },
            }
        }
    }

    async fn post(
        &self,
        resource: &str,
        form: &[(&str, &str)],
    ) -> Result<Response, reqwest::Error> {
        let mut url = self.service_url.clone();
        url.set_path(&format!("{}/{resource}", self.service_url.path()));
        self.twilio
            .request(reqwest::Method::POST, url)
            .form(form)
            .send()
            .await
    }

    /// Asks for the service itself, which proves host, credentials and SID. Returns its name.
    pub(crate) async fn service_name(&self) -> Result<String, TwilioError> {
        let answer = self.twilio.resource(self.service_url.clone()).await?;
        Ok(answer["friendly_name"].as_str().unwrap_or("").to_owned())
    }
}

/// Whether it was sent or not: a start may be repeated, and a check is the person's to repeat.
fn unanswered(error: &reqwest::Error) -> Said {
    let why = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "time-out"
    } else {
        "connection lost"
    };
    Said::without_response(Verdict::Retry, why)
}

async fn read(step: Step, response: Response) -> Said {
    let status = response.status();
    let body = read_limited(response)
        .await
        .and_then(|body| serde_json::from_slice::<Body>(&body).ok());
    judge(step, status, body)
}

fn judge(step: Step, status: StatusCode, body: Option<Body>) -> Said {
    let (sid, word, code) = match body {
        Some(body) => (body.sid, body.status, body.code),
        None => (None, None, None),
    };
    let word = word.as_ref().and_then(serde_json::Value::as_str);
    let verdict = match word {
        Some(word) if status.is_success() => answered(step, word),
        // It was taken, but what became of it cannot be read.
        None if status.is_success() => Verdict::Retry,
        _ => refused(step, status.as_u16(), code),
    };
    let is_refusal = !status.is_success();
    Said {
        verdict,
        http_status: Some(status.as_u16()),
        details: Details {
            sid: sid.filter(|_| !is_refusal),
            error_code: code.filter(|_| is_refusal),
            error_message: is_refusal.then(|| format!("HTTP {}", status.as_u16())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(step: Step, status: u16, body: &str) -> (Verdict, Option<i32>, Option<String>) {
        let status = StatusCode::from_u16(status).unwrap();
        let said = judge(step, status, serde_json::from_str(body).ok());
        (said.verdict, said.details.error_code, said.details.sid)
    }

    #[test]
    fn answers_are_read() {
        let sid = || Some("VE1".to_owned());
        assert_eq!(
            judged(
                Step::Start,
                201,
                r#"{"sid": "VE1", "status": "pending", "valid": false}"#
            ),
            (Verdict::Sent, None, sid())
        );
        assert_eq!(
            judged(
                Step::Check,
                200,
                r#"{"sid": "VE1", "status": "pending", "valid": false}"#
            ),
            (Verdict::WrongCode, None, sid())
        );
        assert_eq!(
            judged(
                Step::Check,
                200,
                r#"{"sid": "VE1", "status": "approved", "valid": true}"#
            ),
            (Verdict::Approved, None, sid())
        );
        // In a refusal `status` is the HTTP status.
        assert_eq!(
            judged(
                Step::Check,
                404,
                r#"{"code": 20404, "message": "x", "status": 404}"#
            ),
            (Verdict::Expired, Some(20404), None)
        );
        assert_eq!(
            judged(Step::Start, 403, r#"{"code": 60410, "status": 403}"#),
            (Verdict::PrefixBlocked, Some(60410), None)
        );
        assert_eq!(
            judged(Step::Start, 502, "<html>"),
            (Verdict::Retry, None, None)
        );
        assert_eq!(
            judged(Step::Check, 200, "<html>"),
            (Verdict::Retry, None, None)
        );
    }
}
