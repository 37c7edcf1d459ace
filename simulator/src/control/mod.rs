//! The control endpoints under `/_sim/`: what happened, and what shall happen. Without credentials, for this machine only.

pub(crate) mod reply;

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
use serde_json::{Value, json};

use crate::clock::{ClockChange, ClockFace};
use crate::connection::Peer;
use crate::faults::chances::{Chances, ChancesPatch};
use crate::faults::plan::PlannedFault;
use crate::rules::{Rule, Rules};
use crate::settings::{Settings, SettingsPatch};
use crate::simulator::Simulator;
use reply::{ControlError, Window, parse};

/// The routes below `/_sim` that concern the simulator as a whole and its messages.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .route("/messages", get(messages))
        .route("/refused", get(refused))
        .route("/requests", get(requests))
        .route("/stats", get(stats))
        .route("/next", post(plan_faults))
        .route("/faults", get(read_chances).post(change_chances))
        .route(
            "/rules",
            get(read_rules).post(change_rules).delete(delete_rules),
        )
        .route("/settings", get(read_settings).post(change_settings))
        .route("/clock", get(read_clock).post(change_clock))
        .route("/reset", post(reset))
}

/// Closes the control side: unknown paths are named, and other machines are refused.
pub(crate) fn guarded(routes: Router<Arc<Simulator>>) -> Router<Arc<Simulator>> {
    routes
        .fallback(async || {
            ControlError::new(
                StatusCode::NOT_FOUND,
                "no such control endpoint; see --help",
            )
        })
        .layer(middleware::from_fn(only_this_machine))
}

async fn messages(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let store = simulator.store();
    Ok(window.list("accepted", store.accepted()))
}

async fn refused(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let store = simulator.store();
    Ok(window.list("refused", store.refused()))
}

async fn requests(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let store = simulator.store();
    Ok(window.list("requests", store.requests.entries().iter()))
}

async fn stats(State(simulator): State<Arc<Simulator>>) -> impl IntoResponse {
    let faults_planned = simulator.faults().remaining();
    let store = simulator.store();
    Json(json!({
        "requests": store.requests.entries().len(),
        "accepted": store.accepted().len(),
        "refused": store.requests.refused(),
        "faulted": store.requests.faulted(),
        "faults_planned": faults_planned,
        "by_status": store.by_status(),
        "callbacks": {
            "confirmed": store.callbacks.confirmed,
            "failed": store.callbacks.failed,
            "lost": store.callbacks.lost,
            "waiting": simulator.courier.waiting(),
        },
    }))
}

async fn plan_faults(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let body: Value = parse(&body)?;
    let planned: Vec<PlannedFault> = one_or_more(body)?;
    let count = simulator
        .faults()
        .replace(planned)
        .map_err(ControlError::refused)?;
    tracing::info!(count, "faults planned");
    Ok(Json(json!({"planned": count})).into_response())
}

async fn read_chances(State(simulator): State<Arc<Simulator>>) -> Json<Chances> {
    Json(simulator.chances().clone())
}

async fn change_chances(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Chances>, ControlError> {
    let patch: ChancesPatch = parse(&body)?;
    let mut chances = simulator.chances();
    chances.apply(&patch).map_err(ControlError::refused)?;
    Ok(Json(chances.clone()))
}

async fn read_rules(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({"rules": simulator.rules().entries()}))
}

/// A list takes the place of all rules; one rule goes to the end of them.
async fn change_rules(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Value>, ControlError> {
    let body: Value = parse(&body)?;
    let is_list = body.is_array();
    let new: Vec<Rule> = one_or_more(body)?;
    let mut rules = simulator.rules();
    if is_list {
        *rules = Rules::new(new);
    } else {
        new.into_iter().for_each(|rule| rules.add(rule));
    }
    Ok(Json(json!({"rules": rules.entries()})))
}

async fn delete_rules(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    *simulator.rules() = Rules::default();
    StatusCode::NO_CONTENT
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
    settings.apply(patch).map_err(ControlError::refused)?;
    tracing::info!(settings = ?*settings, "settings changed");
    Ok(Json(settings.clone()))
}

async fn read_clock(State(simulator): State<Arc<Simulator>>) -> Json<ClockFace> {
    Json(simulator.clock.face())
}

async fn change_clock(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<ClockFace>, ControlError> {
    let change: ClockChange = parse(&body)?;
    simulator
        .clock
        .change(&change)
        .map_err(ControlError::refused)?;
    let face = simulator.clock.face();
    tracing::info!(?face, "clock changed");
    Ok(Json(face))
}

async fn reset(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.reset();
    tracing::info!("reset");
    StatusCode::NO_CONTENT
}

/// The entries of a list, or the one entry that is none.
fn one_or_more<T: DeserializeOwned>(body: Value) -> Result<Vec<T>, ControlError> {
    let entries = match body {
        Value::Array(entries) => entries,
        entry => vec![entry],
    };
    let entries = entries.into_iter().map(serde_json::from_value);
    entries
        .collect::<Result<_, _>>()
        .map_err(ControlError::not_understood)
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
