//! Rotation of the auth token (at Twilio on the host `accounts.twilio.com`).
//!
//! Source: <https://www.twilio.com/docs/iam/api/authtoken>.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::simulator::Simulator;

/// Makes a secondary token. It opens the API at once and signs nothing yet.
pub(super) async fn make(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
) -> (StatusCode, Json<Value>) {
    let token = simulator.credentials.tokens().make_secondary().to_owned();
    tracing::info!("a secondary auth token was made");
    let body = shown(
        &simulator,
        "secondary_auth_token",
        &token,
        "/v1/AuthTokens/Secondary",
    );
    (StatusCode::CREATED, Json(body))
}

/// Deletes the secondary token.
pub(super) async fn delete(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    uri: Uri,
) -> Result<StatusCode, ApiError> {
    let deleted = simulator.credentials.tokens().secondary.take();
    deleted.ok_or_else(|| ApiError::not_found(uri.path()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the secondary token the primary one: from now on it signs the callbacks, and the old one opens nothing.
pub(super) async fn promote(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    let promoted = simulator
        .credentials
        .tokens()
        .promote()
        .map(str::to_owned)
        .ok_or_else(|| ApiError::not_found(uri.path()))?;
    tracing::info!("the secondary auth token was promoted");
    Ok(Json(shown(
        &simulator,
        "auth_token",
        &promoted,
        "/v1/AuthTokens/Promote",
    )))
}

fn shown(simulator: &Simulator, name: &str, token: &str, path: &str) -> Value {
    let now = iso8601(simulator.clock.now());
    json!({
        "account_sid": simulator.credentials.account_sid,
        name: token,
        "date_created": now,
        "date_updated": now,
        "url": format!("https://accounts.twilio.com{path}"),
    })
}

fn iso8601(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
