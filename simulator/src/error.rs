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

    /// 404 with code 20404 for a path that leads nowhere.
    pub(crate) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self::new(StatusCode::NOT_FOUND, 20404, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            code: self.code,
            detail: self.detail,
            message: self.message,
            more_info: format!("https://www.twilio.com/docs/errors/{}", self.code),
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
