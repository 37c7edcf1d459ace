//! `POST …/Messages.json`: accepting a message, or failing as planned.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use herald_core::phone;

use super::new_message::NewMessage;
use super::resource::MessageResource;
use crate::auth::AnyCaller;
use crate::connection::Peer;
use crate::course::Course;
use crate::error::ApiError;
use crate::faults::{Fault, FaultKind};
use crate::form::Form;
use crate::inbound;
use crate::request_log::CreateOutcome;
use crate::server::RequestId;
use crate::settings::CallbackMode;
use crate::simulator::Simulator;

const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\
    <body><h1>502 Bad Gateway</h1></body></html>\n";

/// What the client gets to see.
enum Answer {
    Created(Box<MessageResource>),
    Refused(ApiError),
    GatewayPage,
    Reset,
    Stall,
}

/// Creates a message. A planned fault is used up by every request with valid credentials.
pub(crate) async fn create(
    caller: Result<AnyCaller, ApiError>,
    State(simulator): State<Arc<Simulator>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received_at = simulator.clock.now();
    let form = Form::from_body(&headers, &body);
    let to = form.filled("To").map(str::to_owned);
    let (fault, (answer, course)) = match caller {
        Ok(_) => {
            let fault = simulator.faults().take();
            let decision = decide(&simulator, form, &fault, received_at);
            (fault, decision)
        }
        Err(error) => (Fault::default(), (Answer::Refused(error), None)),
    };
    let (http_status, code) = answer.status_and_code();
    let outcome = CreateOutcome {
        request_id,
        to,
        sid: course.as_ref().map(|course| course.sid.clone()),
        fault: fault.kind,
        http_status: http_status.map(|status| status.as_u16()),
        code,
    };
    simulator.store().requests.add(received_at, outcome);

    if let Some(course) = course {
        let answers_last = course.mode == CallbackMode::Early;
        // A task of its own: the course goes on when the client leaves.
        let task = tokio::spawn(course.run(Arc::clone(&simulator)));
        if answers_last && task.await.is_err() {
            tracing::error!("the course of a message was cut short");
        }
    }
    tokio::time::sleep(fault.latency).await;
    respond(answer, &peer).await
}

/// Accepts the message, unless the fault comes before that or a parameter is wrong, and chooses the answer.
fn decide(
    simulator: &Simulator,
    form: Form,
    fault: &Fault,
    now: DateTime<Utc>,
) -> (Answer, Option<Course>) {
    match fault.kind {
        Some(FaultKind::ErrorBefore) => return (Answer::Refused(fault.error()), None),
        Some(FaultKind::Html502) => return (Answer::GatewayPage, None),
        _ => {}
    }
    let (resource, course) = match accept(simulator, form, now) {
        Ok(accepted) => accepted,
        Err(error) => return (Answer::Refused(error), None),
    };
    let answer = match fault.kind {
        Some(FaultKind::ErrorAfter) => Answer::Refused(fault.error()),
        Some(FaultKind::ResetAfter) => Answer::Reset,
        Some(FaultKind::StallAfter) => Answer::Stall,
        Some(FaultKind::ErrorBefore | FaultKind::Html502) | None => {
            Answer::Created(Box::new(resource))
        }
    };
    (answer, Some(course))
}

/// The message as the 201 shows it, and what follows.
fn accept(
    simulator: &Simulator,
    form: Form,
    now: DateTime<Utc>,
) -> Result<(MessageResource, Course), ApiError> {
    let mut new = NewMessage::read(&form, simulator, now)?;
    let callback = new.callback.take();
    let send_at = new.send_at;
    let mut settings = simulator.settings().clone();
    let service = new.messaging_service_sid.as_deref();
    let verdict = inbound::verdict(simulator, &new.to, new.from.as_deref(), service);
    if let Some((status, code)) = verdict.ending()? {
        settings.final_status = status;
        settings.error_code = Some(code);
    }

    let mut store = simulator.store();
    let message = store.accept(new, form, now);
    tracing::debug!(sid = message.sid, to = phone::mask(&message.to), "accepted");
    let resource = MessageResource::new(message, &simulator.credentials.account_sid);
    Ok((resource, Course::new(message, send_at, callback, &settings)))
}

impl Answer {
    /// As they are written into the request log.
    fn status_and_code(&self) -> (Option<StatusCode>, Option<i32>) {
        match self {
            Self::Created(_) => (Some(StatusCode::CREATED), None),
            Self::Refused(error) => (Some(error.status), Some(error.code)),
            Self::GatewayPage => (Some(StatusCode::BAD_GATEWAY), None),
            Self::Reset | Self::Stall => (None, None),
        }
    }
}

async fn respond(answer: Answer, peer: &Peer) -> Response {
    match answer {
        Answer::Created(resource) => (StatusCode::CREATED, Json(resource)).into_response(),
        Answer::Refused(error) => error.into_response(),
        Answer::GatewayPage => {
            let html = [(header::CONTENT_TYPE, "text/html")];
            (StatusCode::BAD_GATEWAY, html, GATEWAY_PAGE).into_response()
        }
        Answer::Reset => {
            peer.reset.throw();
            StatusCode::CREATED.into_response()
        }
        // The server drops this future as soon as the client closes the connection.
        Answer::Stall => std::future::pending().await,
    }
}
