//! The requests of Verify.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use herald_core::phone;
use serde_json::Value;

use super::new_verification::NewVerification;
use super::refusal::not_found;
use super::register::{Key, Recipient};
use super::resource;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::is_sid;
use crate::simulator::Simulator;

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

/// A start under way; dropped, the next one for the same recipient may come.
struct Starting<'a> {
    simulator: &'a Simulator,
    recipient: Recipient,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.simulator.verify.register().finish(&self.recipient);
    }
}

/// `GET /v2/Services/{VA}`.
pub(super) async fn service(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path(service): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    admit(&simulator, &service, &uri)?;
    let account = &simulator.credentials.account_sid;
    let now = simulator.clock.now();
    let settings = &simulator.verify.register().settings;
    let body = resource::service(&service, account, &base(&headers), settings, now);
    Ok((StatusCode::OK, Json(body)))
}

/// `POST …/Verifications`: sends a code, the same one again while it lives.
pub(super) async fn start(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path(service): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    admit(&simulator, &service, &uri)?;
    let form = Form::from_body(&headers, &body);
    let settings = simulator.verify.register().settings.clone();
    let new = NewVerification::read(&form, &settings)?;

    let recipient = (service, new.to.clone());
    simulator.verify.register().begin(&recipient)?;
    let starting = Starting {
        simulator: &simulator,
        recipient,
    };
    let answer = {
        let mut register = simulator.verify.register();
        let verification = register.start(&starting.recipient.0, &new, simulator.clock.now())?;
        tracing::debug!(
            sid = verification.sid,
            to = phone::mask(&new.to),
            "verification"
        );
        resource::verification(
            verification,
            &simulator.credentials.account_sid,
            &base(&headers),
        )
    };
    tokio::time::sleep(Duration::from_millis(settings.start_latency_ms)).await;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `POST …/VerificationCheck`: compares a code.
pub(super) async fn check(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path(service): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    admit(&simulator, &service, &uri)?;
    let form = Form::from_body(&headers, &body);
    let mut register = simulator.verify.register();
    let checked = register.check(&service, &form, simulator.clock.now(), || {
        not_found(uri.path())
    })?;
    let answer = resource::check(checked, &simulator.credentials.account_sid);
    Ok((StatusCode::OK, Json(answer)))
}

/// `GET …/Verifications/{Sid or To}`.
pub(super) async fn fetch(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path((service, key)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    admit(&simulator, &service, &uri)?;
    let mut register = simulator.verify.register();
    let now = simulator.clock.now();
    let found = register.fetch(&service, Key::new(&key), now, || not_found(uri.path()))?;
    let account = &simulator.credentials.account_sid;
    let answer = resource::verification(found, account, &base(&headers));
    Ok((StatusCode::OK, Json(answer)))
}

/// `POST …/Verifications/{Sid or To}`: `Status` approved or canceled.
pub(super) async fn update(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path((service, key)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    admit(&simulator, &service, &uri)?;
    let form = Form::from_body(&headers, &body);
    let mut register = simulator.verify.register();
    let ended = register.update(
        &service,
        Key::new(&key),
        form.filled("Status"),
        simulator.clock.now(),
        || not_found(uri.path()),
    )?;
    let account = &simulator.credentials.account_sid;
    let answer = resource::verification(ended, account, &base(&headers));
    Ok((StatusCode::OK, Json(answer)))
}

/// Whether the account has this service: any well-formed one, or only the configured ones.
fn admit(simulator: &Simulator, service: &str, uri: &Uri) -> Result<(), ApiError> {
    let known = &simulator.verify.services;
    let exists = known.is_empty() || known.iter().any(|sid| sid == service);
    if exists && is_sid("VA", service) {
        return Ok(());
    }
    Err(not_found(uri.path()))
}

/// Scheme and host as the client called them.
fn base(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}
