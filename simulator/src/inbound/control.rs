//! `/_sim/inbound` and `/_sim/opt-outs`: texts from people, where they go, and who has opted out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use herald_core::phone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::opt_outs::Scope;
use super::receive::{NewText, receive};
use super::services::InboundSettings;
use crate::control::reply::{ControlError, Window, parse};
use crate::simulator::Simulator;

/// An opt-out that is set without a text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptOutChange {
    number: String,
    sender: Option<String>,
    messaging_service: Option<String>,
    #[serde(default = "yes")]
    opted_out: bool,
}

const fn yes() -> bool {
    true
}

/// The routes below `/_sim`.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/inbound", get(texts).post(text))
        .route(
            "/inbound/settings",
            get(read_settings).post(change_settings),
        )
        .route("/opt-outs", get(opt_outs).post(set_opt_out))
}

async fn texts(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let state = simulator.inbound.state();
    Ok(window.list("inbound", state.texts.iter()))
}

/// A text comes in; answered when the webhook has answered.
async fn text(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let new: NewText = parse(&body)?;
    // A task of its own: the text goes its way when the client leaves.
    let received = tokio::spawn(receive(simulator, new)).await.map_err(|_| {
        ControlError::new(StatusCode::INTERNAL_SERVER_ERROR, "the text was cut short")
    })?;
    let text = received.map_err(ControlError::refused)?;
    Ok((StatusCode::CREATED, Json(text)).into_response())
}

async fn read_settings(State(simulator): State<Arc<Simulator>>) -> Json<InboundSettings> {
    Json(simulator.inbound.state().settings.clone())
}

async fn change_settings(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<InboundSettings>, ControlError> {
    let patch: Map<String, Value> = parse(&body)?;
    let mut state = simulator.inbound.state();
    state.settings = state
        .settings
        .patched(patch)
        .map_err(ControlError::refused)?;
    tracing::info!("inbound settings changed");
    Ok(Json(state.settings.clone()))
}

async fn opt_outs(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let state = simulator.inbound.state();
    Ok(window.list("opt_outs", state.opt_outs.entries()))
}

async fn set_opt_out(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Value>, ControlError> {
    let change: OptOutChange = parse(&body)?;
    if !phone::is_e164(&change.number) {
        return Err(ControlError::refused("number must be an E.164 number"));
    }
    let scope = match (change.sender, change.messaging_service) {
        (Some(sender), None) => Scope::Sender(sender),
        (None, Some(service)) => Scope::MessagingService(service),
        _ => {
            return Err(ControlError::refused(
                "give either sender or messaging_service",
            ));
        }
    };
    let now = simulator.clock.now();
    let mut state = simulator.inbound.state();
    let changed = state
        .opt_outs
        .set(scope, &change.number, change.opted_out, now);
    Ok(Json(json!({"changed": changed})))
}
