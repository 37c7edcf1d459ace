//! `/_sim/verify`: the codes, the settings and the rule table.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value};

use super::rules::{Rule, Rules};
use super::settings::VerifySettings;
use crate::control::reply::{ControlError, Window, parse};
use crate::simulator::Simulator;

/// The routes below `/_sim`.
pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/verify", get(verifications))
        .route("/verify/settings", get(read_settings).post(change_settings))
        .route("/verify/rules", get(read_rules).post(replace_rules))
}

async fn verifications(
    State(simulator): State<Arc<Simulator>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, ControlError> {
    let window = Window::read(window)?;
    let mut register = simulator.verify.register();
    let all = register.all(simulator.clock.now());
    Ok(window.list("verifications", all.iter()))
}

async fn read_settings(State(simulator): State<Arc<Simulator>>) -> Json<VerifySettings> {
    Json(simulator.verify.register().settings.clone())
}

async fn change_settings(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<VerifySettings>, ControlError> {
    let patch: Map<String, Value> = parse(&body)?;
    let mut register = simulator.verify.register();
    let settings = register.settings.patched(patch);
    register.settings = settings.map_err(ControlError::refused)?;
    tracing::info!("Verify settings changed");
    Ok(Json(register.settings.clone()))
}

async fn read_rules(State(simulator): State<Arc<Simulator>>) -> Response {
    Json(&simulator.verify.register().rules).into_response()
}

/// The rules in the body take the place of all that were.
async fn replace_rules(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let rules: Vec<Rule> = parse(&body)?;
    let rules = Rules::new(rules).map_err(ControlError::refused)?;
    let mut register = simulator.verify.register();
    register.rules = rules;
    tracing::info!("Verify rules replaced");
    Ok(Json(&register.rules).into_response())
}
