//! `POST …/Messages.json`: accepting a message, refusing it, or failing as planned or by chance.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use herald_core::phone;

use super::answer::Answer;
use super::magic;
use super::new_message::NewMessage;
use super::resource::MessageResource;
use crate::auth::AnyCaller;
use crate::connection::Peer;
use crate::course::{Course, Prospect};
use crate::error::ApiError;
use crate::faults::chances::CallbackLuck;
use crate::faults::{Fault, FaultKind};
use crate::form::Form;
use crate::inbound;
use crate::queues::Turn;
use crate::reporting::Reporting;
use crate::request_log::CreateOutcome;
use crate::rules::{Decision, RuleStep};
use crate::server::RequestId;
use crate::settings::Settings;
use crate::simulator::Simulator;
use crate::status::TwilioStatus;

/// How long the answer waits for callbacks that shall come before it. A course may last for hours.
const EARLY_PATIENCE: Duration = Duration::from_secs(5);

/// Creates a message. A fault is used up by every request with valid credentials.
pub(super) async fn create(
    caller: Result<AnyCaller, ApiError>,
    State(simulator): State<Arc<Simulator>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let attempt = Attempt {
        received_at: simulator.clock.now(),
        simulator,
        request_id,
        form: Form::from_body(&headers, &body),
    };
    match caller {
        Ok(AnyCaller::Test) => {
            let answer = magic::answer(&attempt.simulator, attempt.form, attempt.received_at);
            answer.respond(Duration::ZERO, &peer).await
        }
        Ok(AnyCaller::Live) => {
            let (fault, luck) = attempt.fault();
            let (answer, course) = attempt.decide(&fault, luck);
            attempt.note(&answer, course.as_ref(), &fault);
            if let Some(course) = course {
                begin(course, &attempt.simulator).await;
            }
            tokio::time::sleep(fault.latency).await;
            answer.respond(fault.body_time, &peer).await
        }
        Err(error) => {
            let answer = Answer::refused(error);
            attempt.note(&answer, None, &Fault::default());
            answer.respond(Duration::ZERO, &peer).await
        }
    }
}

/// One create request.
struct Attempt {
    simulator: Arc<Simulator>,
    request_id: String,
    received_at: DateTime<Utc>,
    form: Form,
}

impl Attempt {
    /// What goes wrong: what is planned for the next create, otherwise what chance has for this text.
    fn fault(&self) -> (Fault, CallbackLuck) {
        let text = |name| self.form.value(name).unwrap_or_default();
        let (by_chance, luck) = self.simulator.chances().decide(text("To"), text("Body"));
        let planned = self.simulator.faults().take();
        (planned.unwrap_or(by_chance), luck)
    }

    /// Accepts the message, unless the fault comes before that or it is refused, and chooses the answer.
    fn decide(&self, fault: &Fault, luck: CallbackLuck) -> (Answer, Option<Course>) {
        if let Some(kind) = fault.kind.filter(|kind| kind.is_before()) {
            let answer = match kind {
                FaultKind::Html502 => Answer::GatewayPage(StatusCode::BAD_GATEWAY),
                FaultKind::ResetBefore => Answer::Reset,
                FaultKind::StallBefore => Answer::Stall,
                _ => {
                    self.keep_refused(&fault.error(), fault.kind);
                    Answer::error(fault)
                }
            };
            return (answer, None);
        }
        let (resource, course) = match self.accept(fault, luck) {
            Ok(accepted) => accepted,
            Err(error) => {
                self.keep_refused(&error, None);
                return (Answer::refused(error), None);
            }
        };
        let resource = Box::new(resource);
        let answer = match fault.kind {
            Some(FaultKind::ErrorAfter) => Answer::error(fault),
            Some(FaultKind::ResetAfter) => Answer::Reset,
            Some(FaultKind::ResetMidAnswer) => Answer::ResetHalfWay(resource),
            Some(FaultKind::StallAfter) => Answer::Stall,
            Some(FaultKind::Unreadable201) => Answer::Unreadable(resource),
            _ => Answer::Created(resource),
        };
        (answer, Some(course))
    }

    /// The message as the 201 shows it, and what follows.
    fn accept(
        &self,
        fault: &Fault,
        luck: CallbackLuck,
    ) -> Result<(MessageResource, Course), ApiError> {
        let simulator = &self.simulator;
        let mut settings = simulator.settings().clone();
        let mut new = NewMessage::read(&self.form, simulator, self.received_at)?;
        let path = admit(simulator, &new, &mut settings)?;
        if new.callback.is_none() && new.messaging_service_sid.is_some() {
            new.callback = settings.service_callback();
        }
        let prospect = Prospect {
            send_at: new.send_at,
            turn: direct_turn(simulator, &new, self.received_at)?,
            path,
            callback: new.callback.clone(),
        };

        let mut store = simulator.store();
        let message = store.accept(new, self.form.clone(), self.received_at);
        message.request_id.clone_from(&self.request_id);
        message.fault = fault.kind;
        tracing::debug!(sid = message.sid, to = phone::mask(&message.to), "accepted");
        let resource = MessageResource::new(message, &simulator.credentials.account_sid);
        let reporting = Reporting::new(&settings, luck);
        Ok((
            resource,
            Course::new(message, prospect, &settings, reporting),
        ))
    }

    /// Twilio lists a create it refused with 400 as a failed message.
    fn keep_refused(&self, error: &ApiError, fault: Option<FaultKind>) {
        if error.status != StatusCode::BAD_REQUEST || self.form.filled("To").is_none() {
            return;
        }
        let mut store = self.simulator.store();
        let message = store.refuse(self.form.clone(), error.code, self.received_at);
        message.request_id.clone_from(&self.request_id);
        message.fault = fault;
    }

    /// Writes the request into the log.
    fn note(&self, answer: &Answer, course: Option<&Course>, fault: &Fault) {
        let (http_status, code) = answer.status_and_code();
        let outcome = CreateOutcome {
            request_id: self.request_id.clone(),
            to: self.form.filled("To").map(str::to_owned),
            sid: course.map(|course| course.sid.clone()),
            fault: fault.kind,
            modifiers: fault.modifiers(),
            http_status: http_status.map(|status| status.as_u16()),
            code,
        };
        let mut store = self.simulator.store();
        store.requests.add(self.received_at, outcome);
    }
}

/// Whether the message may be sent, and what it comes to: a rule decides, otherwise the recipient's opt-out.
fn admit(
    simulator: &Simulator,
    new: &NewMessage,
    settings: &mut Settings,
) -> Result<Option<Vec<RuleStep>>, ApiError> {
    match simulator.rules().decide(new) {
        Some(Decision::Refuse(error)) => return Err(error),
        Some(Decision::Path(path)) => return Ok(Some(path)),
        None => {}
    }
    let service = new.messaging_service_sid.as_deref();
    let verdict = inbound::verdict(simulator, &new.to, new.from.as_deref(), service);
    if let Some((status, code)) = verdict.ending()? {
        settings.final_status = status;
        settings.error_code = Some(code);
    }
    Ok(None)
}

/// The place in the queue of a sender the client named; a full queue refuses the create. Other messages take theirs
/// when they are queued.
fn direct_turn(
    simulator: &Simulator,
    new: &NewMessage,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    let Some(from) = new
        .from
        .as_deref()
        .filter(|_| new.initial_status() == TwilioStatus::Queued)
    else {
        return Ok(None);
    };
    let segments = herald_core::segments::count(&new.body).segments;
    match simulator.take_turn(from, segments, now, new.expires_at(now)) {
        Turn::At(time) => Ok(Some(time)),
        Turn::TooLate => Ok(Some(DateTime::<Utc>::MAX_UTC)),
        Turn::QueueFull => Err(ApiError::of_code(21611)),
    }
}

/// Starts the course in a task of its own: it goes on when the client leaves.
async fn begin(course: Course, simulator: &Arc<Simulator>) {
    let is_early = course.reports_early();
    let mut task = tokio::spawn(course.run(Arc::clone(simulator)));
    if is_early {
        match tokio::time::timeout(EARLY_PATIENCE, &mut task).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the course of a message was cut short"),
            Err(_) => tracing::warn!("a message takes too long for its answer to come last"),
        }
    }
}
