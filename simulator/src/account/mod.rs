//! The account itself: `GET /2010-04-01/Accounts/{Sid}.json`, used to check credentials, and its auth tokens.
//!
//! Source: <https://www.twilio.com/docs/iam/api/account>.

mod tokens;

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::simulator::Simulator;

/// The routes of the account.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/2010-04-01/Accounts/{account}", get(fetch))
        .route(
            "/v1/AuthTokens/Secondary",
            post(tokens::make).delete(tokens::delete),
        )
        .route("/v1/AuthTokens/Promote", post(tokens::promote))
}

/// The account of the credentials. Twilio also answers its auth token; the simulator does not.
async fn fetch(_: Caller, State(simulator): State<Arc<Simulator>>, uri: Uri) -> Json<Value> {
    let account = &simulator.credentials.account_sid;
    Json(json!({
        "sid": account,
        "owner_account_sid": account,
        "friendly_name": "Simulated account",
        "status": "active",
        "type": "Full",
        "uri": uri.path(),
    }))
}
