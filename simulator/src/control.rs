//! The control endpoints under `/_sim/`: what happened, and what shall happen. Without credentials, for this machine only.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use crate::connection::Peer;
use crate::faults::PlannedFault;
use crate::settings::{Settings, SettingsPatch};
use crate::simulator::Simulator;

/// The routes below `/_sim`.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .route("/messages", get(messages))
        .route("/requests", get(requests))
        .route("/stats", get(stats))
        .route("/next", post(plan_faults))
        .route("/settings", get(read_settings).post(change_settings))
        .route("/reset", post(reset))
        .fallback(async || {
            ControlError::new(
                StatusCode::NOT_FOUND,
                "no such control endpoint; see --help",
            )
        })
        .layer(middleware::from_fn(only_this_machine))
}

/// A part of a list: what comes after place `since`, at most `limit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    #[serde(default)]
    since: usize,
    limit: Option<usize>,
}

/// `{"<name>": [...], "count": n}`, where the count is that of the whole list.
struct Listing<'a, T> {
    name: &'static str,
    items: &'a [T],
    count: usize,
}

/// A refusal of a control request, as `{"error": "…"}`.
struct ControlError {
    status: StatusCode,
    message: String,
}

async fn messages(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(window) = window.map_err(not_understood)?;
    let store = simulator.store();
    Ok(list("accepted", store.messages(), &window))
}

async fn requests(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let Query(window) = window.map_err(not_understood)?;
    let store = simulator.store();
    Ok(list("requests", store.requests.entries(), &window))
}

async fn stats(State(simulator): State<Arc<Simulator>>) -> impl IntoResponse {
    let faults_planned = simulator.faults().remaining();
    let store = simulator.store();
    Json(json!({
        "requests": store.requests.entries().len(),
        "accepted": store.messages().len(),
        "refused": store.requests.refused(),
        "faulted": store.requests.faulted(),
        "faults_planned": faults_planned,
        "by_status": store.by_status(),
        "callbacks": {
            "confirmed": store.callbacks.confirmed,
            "failed": store.callbacks.failed,
            "waiting": simulator.courier.waiting(),
        },
    }))
}

async fn plan_faults(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let body: Value = parse(&body)?;
    let planned = match body {
        Value::Array(entries) => entries,
        entry => vec![entry],
    };
    let planned: Result<Vec<PlannedFault>, _> =
        planned.into_iter().map(serde_json::from_value).collect();
    let planned = planned.map_err(not_understood)?;
    let count = simulator
        .faults()
        .replace(planned)
        .map_err(|error| ControlError::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    tracing::info!(count, "faults planned");
    Ok(Json(json!({"planned": count})).into_response())
}

async fn read_settings(State(simulator): State<Arc<Simulator>>) -> Json<Settings> {
    Json(simulator.settings().clone())
}

async fn change_settings(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Settings>, ControlError> {
    let patch: SettingsPatch = parse(&body)?;
    let mut settings = simulator.settings();
    settings.apply(&patch);
    tracing::info!(settings = ?*settings, "settings changed");
    Ok(Json(settings.clone()))
}

async fn reset(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.reset();
    tracing::info!("reset");
    StatusCode::NO_CONTENT
}

/// The part of `items` in the window, under `name`. Written straight from the store: big runs have long lists.
fn list<T: Serialize>(name: &'static str, items: &[T], window: &Window) -> Response {
    let rest = items.get(window.since..).unwrap_or_default();
    let limit = window.limit.unwrap_or(rest.len()).min(rest.len());
    let listing = Listing {
        name,
        items: &rest[..limit],
        count: items.len(),
    };
    Json(listing).into_response()
}

impl<T: Serialize> Serialize for Listing<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(2))?;
        object.serialize_entry(self.name, self.items)?;
        object.serialize_entry("count", &self.count)?;
        object.end()
    }
}

/// Reads JSON whatever the content type says, so that `curl -d` is enough.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(not_understood)
}

fn not_understood(error: impl Display) -> ControlError {
    ControlError::new(StatusCode::BAD_REQUEST, format!("not understood: {error}"))
}

async fn only_this_machine(
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if peer.address.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    ControlError::new(
        StatusCode::FORBIDDEN,
        "control endpoints answer the loopback address only",
    )
    .into_response()
}

impl ControlError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.message}))).into_response()
    }
}
