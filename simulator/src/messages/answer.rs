//! What the client of a create gets to see, the broken answers too.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::{self, Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::resource::MessageResource;
use crate::connection::{Peer, ResetSwitch};
use crate::error::ApiError;
use crate::faults::{ErrorBody, Fault};

/// How many pieces a slow body comes in.
const PIECES: usize = 16;

/// How long the first half of an answer has to leave before the connection is reset.
const HALF_WAY: Duration = Duration::from_millis(100);

/// The answer to a create.
pub(super) enum Answer {
    /// 201.
    Created(Box<MessageResource>),
    /// An error, and how it is written.
    Refused(ApiError, ErrorBody),
    /// A gateway's page.
    GatewayPage(StatusCode),
    /// No byte, and a TCP reset.
    Reset,
    /// A 201 that breaks off with a TCP reset.
    ResetHalfWay(Box<MessageResource>),
    /// Nothing, for ever.
    Stall,
    /// 201 with the first half of its body, as if that were all.
    Unreadable(Box<MessageResource>),
}

impl Answer {
    /// A refusal as Twilio writes it.
    pub(super) fn refused(error: ApiError) -> Self {
        Self::Refused(error, ErrorBody::Twilio)
    }

    /// The error of a fault.
    pub(super) fn error(fault: &Fault) -> Self {
        Self::Refused(fault.error(), fault.error_body)
    }

    /// As they are written into the request log; `None` where no answer was complete.
    pub(super) fn status_and_code(&self) -> (Option<StatusCode>, Option<i32>) {
        match self {
            Self::Created(_) | Self::Unreadable(_) => (Some(StatusCode::CREATED), None),
            Self::Refused(error, ErrorBody::Twilio | ErrorBody::Problem) => {
                (Some(error.status), Some(error.code))
            }
            Self::Refused(error, ErrorBody::Html | ErrorBody::Empty) => (Some(error.status), None),
            Self::GatewayPage(status) => (Some(*status), None),
            Self::Reset | Self::ResetHalfWay(_) | Self::Stall => (None, None),
        }
    }

    /// Answers; a body that shall be slow takes `body_time`.
    pub(super) async fn respond(self, body_time: Duration, peer: &Peer) -> Response {
        let response = match self {
            Self::Created(resource) => (StatusCode::CREATED, Json(resource)).into_response(),
            Self::Refused(error, ErrorBody::Twilio) => error.into_response(),
            Self::Refused(error, ErrorBody::Problem) => error.into_problem(),
            Self::Refused(error, ErrorBody::Html) => gateway_page(error.status),
            Self::Refused(error, ErrorBody::Empty) => error.status.into_response(),
            Self::GatewayPage(status) => gateway_page(status),
            Self::Unreadable(resource) => {
                let body = json(&resource);
                let half = body.slice(..body.len() / 2);
                (StatusCode::CREATED, [json_type()], half).into_response()
            }
            Self::Reset => {
                peer.reset.throw();
                StatusCode::CREATED.into_response()
            }
            Self::ResetHalfWay(resource) => return half_then_reset(json(&resource), &peer.reset),
            // The server drops this future as soon as the client closes the connection.
            Self::Stall => std::future::pending().await,
        };
        if body_time.is_zero() {
            return response;
        }
        slowly(response, body_time).await
    }
}

fn gateway_page(status: StatusCode) -> Response {
    let page = format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

fn json_type() -> (header::HeaderName, &'static str) {
    (header::CONTENT_TYPE, "application/json")
}

/// A resource always has a JSON form: only strings, numbers and no maps with other keys.
fn json(resource: &MessageResource) -> Bytes {
    serde_json::to_vec(resource).unwrap_or_default().into()
}

/// The same response, its body in pieces.
async fn slowly(response: Response, time: Duration) -> Response {
    let (mut head, body) = response.into_parts();
    // The body is in memory already, so it can be read in full.
    let body = body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let piece = body.len().div_ceil(PIECES).max(1);
    let pause = time / u32::try_from(body.len().div_ceil(piece).max(1)).unwrap_or(1);
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, Infallible>(next), rest))
    });
    Response::from_parts(head, Body::from_stream(pieces))
}

/// A 201 of which the first half arrives.
fn half_then_reset(body: Bytes, reset: &ResetSwitch) -> Response {
    let length = body.len();
    let half = body.slice(..length / 2);
    let rest = body.slice(length / 2..);
    let reset = reset.clone();
    let pieces = stream::unfold(vec![rest, half], move |mut left| {
        let reset = reset.clone();
        async move {
            let next = left.pop()?;
            if left.is_empty() {
                tokio::time::sleep(HALF_WAY).await;
                reset.throw();
            }
            Some((Ok::<_, Infallible>(next), left))
        }
    });
    let length = (header::CONTENT_LENGTH, HeaderValue::from(length));
    let json = HeaderValue::from_static("application/json");
    let head = [(header::CONTENT_TYPE, json), length];
    (StatusCode::CREATED, head, Body::from_stream(pieces)).into_response()
}
