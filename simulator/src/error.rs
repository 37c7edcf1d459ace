//! Errors as Twilio writes them: `{"code","message","more_info","status"}`.
//!
//! Source: <https://www.twilio.com/docs/usage/twilios-response>.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A refusal with Twilio's error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status of the answer.
    pub(crate) status: StatusCode,
    /// Twilio's error code, <https://www.twilio.com/docs/api/errors>.
    pub(crate) code: i32,
    message: String,
    detail: Option<&'static str>,
}

#[derive(Serialize)]
struct ErrorBody {
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    message: String,
    more_info: String,
    status: u16,
}

/// An error as RFC 9457 wants it.
#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: String,
    status: u16,
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl ApiError {
    /// An error with any status.
    pub(crate) fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
        }
    }

    /// 400, the answer to nearly every wrong parameter.
    pub(crate) fn bad_request(code: i32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401 with code 20003, the only error that has a `detail`.
    pub(crate) fn unauthenticated() -> Self {
        Self {
            detail: Some("Your AccountSid or AuthToken was incorrect."),
            ..Self::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate")
        }
    }

    /// The error with this code, with the status and text that go with it.
    pub(crate) fn of_code(code: i32) -> Self {
        if code == 20003 {
            return Self::unauthenticated();
        }
        Self::new(status_of(code), code, text_of(code))
    }

    /// As [`ApiError::of_code`], with any status.
    pub(crate) fn of_code_with(status: StatusCode, code: i32) -> Self {
        Self {
            status,
            ..Self::of_code(code)
        }
    }

    /// The same error with another text.
    pub(crate) fn saying(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// The same error in the form of newer products, RFC 9457.
    pub(crate) fn into_problem(self) -> Response {
        let problem = Problem {
            r#type: more_info(self.code),
            title: self.message,
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        };
        let media_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, Json(problem)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        response
    }

    /// 404 with code 20404 for a path that leads nowhere.
    pub(crate) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self::new(StatusCode::NOT_FOUND, 20404, message)
    }
}

/// The status that goes with a code: the one in the catalogue, where Twilio states it. Otherwise it is 400, as for nearly
/// all refusals, and for Verify, which refuses numbers, 403.
fn status_of(code: i32) -> StatusCode {
    let surface = herald_core::catalogue::lookup(code).map_or("", |entry| entry.surface);
    let stated = surface.split(' ').find_map(|word| word.parse().ok());
    stated
        .and_then(|status: u16| StatusCode::from_u16(status).ok())
        .unwrap_or(match surface {
            "verify" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        })
}

/// What a code means, in the words of the catalogue.
fn text_of(code: i32) -> String {
    herald_core::catalogue::lookup(code)
        .map_or_else(|| format!("Error {code}"), |entry| entry.meaning.to_owned())
}

fn more_info(code: i32) -> String {
    format!("https://www.twilio.com/docs/errors/{code}")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            code: self.code,
            detail: self.detail,
            message: self.message,
            more_info: more_info(self.code),
            status: self.status.as_u16(),
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
