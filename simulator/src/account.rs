//! `GET /2010-04-01/Accounts/{Sid}.json`: the account, used to check credentials.
//!
//! Source: <https://www.twilio.com/docs/iam/api/account>.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::simulator::Simulator;

/// The account of the credentials. Twilio also answers its auth token; the simulator does not.
pub(crate) async fn fetch(
    State(simulator): State<Arc<Simulator>>,
    Path(file): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let account = file.strip_suffix(".json").unwrap_or_default();
    simulator
        .credentials
        .authorize(&headers, account, uri.path())?;
    Ok(Json(json!({
        "sid": account,
        "owner_account_sid": account,
        "friendly_name": "Simulated account",
        "status": "active",
        "type": "Full",
        "uri": uri.path(),
    })))
}
