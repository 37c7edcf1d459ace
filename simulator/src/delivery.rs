//! Bringing the callbacks of one message to their receiver: order, repetition, loss, retries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::callback_target::{CallbackTarget, TryOutcome};
use crate::callbacks::Callback;
use crate::faults::chances::Fate;
use crate::reporting::Reporting;
use crate::simulator::Simulator;
use crate::store::CallbackTry;

/// Pause before the first retry, doubled for each one after it. Twilio does not publish its pauses.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The message whose callbacks these are, and where they go.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    /// SID of the message.
    pub(crate) sid: String,
    /// Its StatusCallback.
    pub(crate) target: CallbackTarget,
}

/// Sends the callbacks of one message as they come, one after the other, unless they are to be held back.
pub(crate) async fn deliver_all(
    simulator: &Arc<Simulator>,
    recipient: &Recipient,
    mut reporting: Reporting,
    mut inbox: mpsc::UnboundedReceiver<Callback>,
) {
    let mut held_back = Vec::new();
    while let Some(callback) = inbox.recv().await {
        if reporting.holds_back() {
            held_back.push(callback);
            continue;
        }
        let fate = reporting.next();
        hand_over(simulator, recipient, callback, fate, reporting.late).await;
    }
    reporting.arrange(&mut held_back);
    for callback in held_back {
        let fate = reporting.next();
        hand_over(simulator, recipient, callback, fate, reporting.late).await;
    }
}

/// Lets a callback meet its fate. Nobody waits for a late one.
async fn hand_over(
    simulator: &Arc<Simulator>,
    recipient: &Recipient,
    callback: Callback,
    fate: Fate,
    late: Duration,
) {
    if fate.is_lost {
        let now = simulator.clock.now();
        record(simulator, recipient, &callback, now, None, Some("lost"));
        simulator.courier.finish();
        return;
    }
    let delivery = deliver_copies(
        Arc::clone(simulator),
        recipient.clone(),
        callback,
        fate.is_duplicated,
    );
    if fate.is_late {
        let simulator = Arc::clone(simulator);
        tokio::spawn(async move {
            simulator.clock.sleep(late).await;
            delivery.await;
        });
    } else {
        delivery.await;
    }
}

async fn deliver_copies(
    simulator: Arc<Simulator>,
    recipient: Recipient,
    callback: Callback,
    is_duplicated: bool,
) {
    deliver(&simulator, &recipient, &callback).await;
    if is_duplicated {
        deliver(&simulator, &recipient, &callback).await;
    }
    simulator.courier.finish();
}

/// Sends one callback, with the retries its URL asks for. The time for all tries counts what the receiver takes and
/// the pauses as they are meant, so that moving the clock takes nothing from it.
async fn deliver(simulator: &Simulator, recipient: &Recipient, callback: &Callback) {
    let overrides = &recipient.target.overrides;
    let mut left = overrides.total;
    for attempt in 0..=overrides.retries {
        if attempt > 0 {
            let pause = RETRY_PAUSE * 2_u32.pow(attempt - 1);
            left = left.saturating_sub(pause);
            if left.is_zero() {
                return;
            }
            simulator.clock.sleep(pause).await;
        }
        // Waiting for a free place takes nothing from the time the receiver has.
        let _permit = simulator.courier.permit().await;
        if simulator.store().place(&recipient.sid).is_none() {
            return;
        }
        let start = Instant::now();
        let at = simulator.clock.now();
        let timeout = overrides.read.min(left);
        let outcome = simulator
            .courier
            .request(simulator, &recipient.target, callback, timeout)
            .await;
        let (http_status, error) = match outcome {
            TryOutcome::Answered(status) => (Some(status), None),
            TryOutcome::NoConnection => (None, Some("no_connection")),
            TryOutcome::NoAnswer => (None, Some("no_answer")),
        };
        record(simulator, recipient, callback, at, http_status, error);
        left = left.saturating_sub(start.elapsed());
        if left.is_zero() || !overrides.retries_after(outcome) {
            return;
        }
    }
}

fn record(
    simulator: &Simulator,
    recipient: &Recipient,
    callback: &Callback,
    at: DateTime<Utc>,
    http_status: Option<u16>,
    error: Option<&'static str>,
) {
    let sid = recipient.sid.as_str();
    let status = callback.status;
    tracing::debug!(
        sid,
        status = status.as_str(),
        http_status,
        error,
        "callback"
    );
    let attempt = CallbackTry {
        status,
        at,
        http_status,
        error,
        idempotency_token: callback.idempotency_token.clone(),
    };
    simulator.store().record_callback(sid, attempt);
}
