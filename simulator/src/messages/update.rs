//! `…/Messages/{Sid}.json`: fetch, cancel, redact, delete.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::sync::mpsc;

use super::resource::MessageResource;
use crate::auth::Caller;
use crate::callback_target::CallbackTarget;
use crate::callbacks::Callback;
use crate::delivery::{Recipient, deliver_all};
use crate::error::ApiError;
use crate::form::Form;
use crate::reporting::Reporting;
use crate::simulator::Simulator;
use crate::status::TwilioStatus;

/// Account SID and the last segment of the path, `SM….json`.
type MessagePath = Path<(String, String)>;

/// `GET`: the message as it stands.
pub(crate) async fn fetch(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path((_, file)): MessagePath,
    uri: Uri,
) -> Result<Json<MessageResource>, ApiError> {
    let sid = sid(&file, &uri)?;
    resource(&simulator, sid, &uri).map(Json)
}

/// `POST`: `Status=canceled` cancels a scheduled message, an empty `Body` redacts the text.
pub(crate) async fn update(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path((_, file)): MessagePath,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<MessageResource>, ApiError> {
    let sid = sid(&file, &uri)?;
    let form = Form::from_body(&headers, &body);
    match (form.value("Status"), form.value("Body")) {
        (Some("canceled"), None) => cancel(&simulator, sid)?,
        (None, Some("")) => redact(&simulator, sid, &uri)?,
        _ => {
            let message = "Give either Status=canceled or an empty Body, and nothing else";
            return Err(ApiError::bad_request(30400, message));
        }
    }
    resource(&simulator, sid, &uri).map(Json)
}

/// `DELETE`: takes a finished message out of Twilio's records.
pub(crate) async fn delete(
    _: Caller,
    State(simulator): State<Arc<Simulator>>,
    Path((_, file)): MessagePath,
    uri: Uri,
) -> Result<StatusCode, ApiError> {
    let sid = sid(&file, &uri)?;
    let mut store = simulator.store();
    let message = store
        .find_mut(sid)
        .ok_or_else(|| ApiError::not_found(uri.path()))?;
    if !message.status.is_final() {
        let text = format!(
            "A message that is {} cannot be deleted yet",
            message.status.as_str()
        );
        return Err(ApiError::new(StatusCode::CONFLICT, 20009, text));
    }
    message.deleted = true;
    Ok(StatusCode::NO_CONTENT)
}

fn sid<'a>(file: &'a str, uri: &Uri) -> Result<&'a str, ApiError> {
    file.strip_suffix(".json")
        .ok_or_else(|| ApiError::not_found(uri.path()))
}

fn resource(simulator: &Simulator, sid: &str, uri: &Uri) -> Result<MessageResource, ApiError> {
    let store = simulator.store();
    let message = store
        .find(sid)
        .ok_or_else(|| ApiError::not_found(uri.path()))?;
    Ok(MessageResource::new(
        message,
        &simulator.credentials.account_sid,
    ))
}

fn redact(simulator: &Simulator, sid: &str, uri: &Uri) -> Result<(), ApiError> {
    let mut store = simulator.store();
    let message = store
        .find_mut(sid)
        .ok_or_else(|| ApiError::not_found(uri.path()))?;
    message.body.clear();
    message.date_updated = simulator.clock.now();
    Ok(())
}

/// Only a scheduled message can be cancelled: <https://www.twilio.com/docs/api/errors/30409>.
fn cancel(simulator: &Arc<Simulator>, sid: &str) -> Result<(), ApiError> {
    let settings = simulator.settings().clone();
    let mut store = simulator.store();
    let status = store
        .find(sid)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, 30404, "There is no such message"))?
        .status;
    let cancelled = match status {
        TwilioStatus::Scheduled => {
            store.advance(sid, TwilioStatus::Canceled, None, simulator.clock.now())
        }
        _ => None,
    };
    let Some(message) = cancelled else {
        let text = format!("A message that is {} cannot be cancelled", status.as_str());
        return Err(ApiError::new(StatusCode::CONFLICT, 30409, text));
    };
    let named = message.params.filled("StatusCallback");
    let target = named
        .and_then(CallbackTarget::parse)
        .or_else(|| settings.service_callback());
    let (_, luck) = simulator
        .chances()
        .decide(&message.to, &format!("canceled: {}", message.body));
    let reporting = Reporting::new(&settings, luck);
    if let Some(target) = target.filter(|_| !reporting.is_silent()) {
        let callback = Callback::new(message, &simulator.credentials.account_sid);
        let sid = sid.to_owned();
        report(
            Arc::clone(simulator),
            Recipient { sid, target },
            reporting,
            callback,
        );
    }
    Ok(())
}

fn report(
    simulator: Arc<Simulator>,
    recipient: Recipient,
    reporting: Reporting,
    callback: Callback,
) {
    let (outbox, inbox) = mpsc::unbounded_channel();
    simulator.courier.expect(&outbox, callback);
    drop(outbox);
    tokio::spawn(async move {
        deliver_all(&simulator, &recipient, reporting, inbox).await;
    });
}
