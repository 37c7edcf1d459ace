//! The course of a message after its acceptance: which statuses follow, and when.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::callback_target::CallbackTarget;
use crate::callbacks::{self, Callback};
use crate::settings::{CallbackMode, Settings};
use crate::simulator::Simulator;
use crate::status::{FinalStatus, TwilioStatus};
use crate::store::Message;

/// What lies before one message.
#[derive(Debug)]
pub(crate) struct Course {
    /// The message.
    pub(crate) sid: String,
    steps: Vec<Step>,
    /// `None`: nothing is reported.
    callback: Option<CallbackTarget>,
    /// How the statuses are reported.
    pub(crate) mode: CallbackMode,
}

/// One status and how long after the one before it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    after: Duration,
    status: TwilioStatus,
    error_code: Option<i32>,
}

impl Course {
    /// The course of a message that was accepted just now; a scheduled one waits for `send_at`.
    pub(crate) fn new(
        message: &Message,
        send_at: Option<DateTime<Utc>>,
        callback: Option<CallbackTarget>,
        settings: &Settings,
    ) -> Self {
        // Nobody waits for days: what a scheduled message reports cannot come before its create is answered.
        let mode = match settings.callbacks {
            CallbackMode::Early if send_at.is_some() => CallbackMode::Normal,
            mode => mode,
        };
        Self {
            sid: message.sid.clone(),
            steps: steps(message.status, send_at, message.received_at, settings),
            callback,
            mode,
        }
    }

    /// Changes the statuses of the message in time and reports each; returns when the last report is done.
    pub(crate) async fn run(self, simulator: Arc<Simulator>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let changes = async {
            for step in &self.steps {
                simulator.clock.sleep(step.after).await;
                let Some(callback) = self.change(&simulator, step) else {
                    break;
                };
                if self.callback.is_some() && self.mode != CallbackMode::None {
                    simulator.courier.expect(&outbox, callback);
                }
            }
            drop(outbox);
        };
        let reports = async {
            if let Some(target) = &self.callback {
                callbacks::deliver_all(&simulator, &self.sid, target, self.mode, inbox).await;
            }
        };
        tokio::join!(changes, reports);
    }

    /// `None`: the message was cancelled or forgotten, so its course ends here.
    fn change(&self, simulator: &Simulator, step: &Step) -> Option<Callback> {
        let mut store = simulator.store();
        let message = store.advance(
            &self.sid,
            step.status,
            step.error_code,
            simulator.clock.now(),
        )?;
        if message.from.is_none() {
            message.from = Some(simulator.pool_sender().to_owned());
        }
        Some(Callback::new(message, &simulator.credentials.account_sid))
    }
}

/// The statuses that follow `initial`. A scheduled message waits for `send_at`, counted from `now`.
fn steps(
    initial: TwilioStatus,
    send_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    settings: &Settings,
) -> Vec<Step> {
    let delays = settings.callback_delays_ms;
    let step = |after, status: TwilioStatus| Step {
        after,
        status,
        error_code: status.is_error().then(|| settings.final_error_code()),
    };
    let mut steps = Vec::with_capacity(3);
    match initial {
        TwilioStatus::Accepted => steps.push(step(delays.queued(), TwilioStatus::Queued)),
        TwilioStatus::Scheduled => {
            let wait = send_at.map_or(Duration::ZERO, |time| {
                (time - now).to_std().unwrap_or_default()
            });
            steps.push(step(wait, TwilioStatus::Queued));
        }
        _ => {}
    }
    if settings.final_status == FinalStatus::Failed {
        steps.push(step(delays.sent(), TwilioStatus::Failed));
        return steps;
    }
    steps.push(step(delays.sent(), TwilioStatus::Sent));
    match settings.final_status {
        FinalStatus::Delivered => steps.push(step(delays.delivered(), TwilioStatus::Delivered)),
        FinalStatus::Undelivered => steps.push(step(delays.delivered(), TwilioStatus::Undelivered)),
        FinalStatus::Failed | FinalStatus::Sent => {}
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(initial: TwilioStatus, patch: &str) -> Vec<(u64, &'static str, Option<i32>)> {
        let mut settings = Settings::new(1, 2, 3);
        settings.apply(&serde_json::from_str(patch).unwrap());
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let send_at = "2026-11-22T12:10:00Z".parse().unwrap();
        steps(initial, Some(send_at), now, &settings)
            .iter()
            .map(|step| {
                (
                    step.after.as_millis() as u64,
                    step.status.as_str(),
                    step.error_code,
                )
            })
            .collect()
    }

    #[test]
    fn the_course_depends_on_where_it_starts() {
        let rest = [(2, "sent", None), (3, "delivered", None)];
        assert_eq!(statuses(TwilioStatus::Queued, "{}"), rest);
        let accepted = statuses(TwilioStatus::Accepted, "{}");
        assert_eq!(accepted, [[(1, "queued", None)].as_slice(), &rest].concat());
        let scheduled = statuses(TwilioStatus::Scheduled, "{}");
        assert_eq!(
            scheduled,
            [[(600_000, "queued", None)].as_slice(), &rest].concat()
        );
    }

    #[test]
    fn the_course_ends_where_the_settings_say() {
        let from_queued = |patch| statuses(TwilioStatus::Queued, patch);
        assert_eq!(
            from_queued(r#"{"final_status":"sent"}"#),
            [(2, "sent", None)]
        );
        let failed = from_queued(r#"{"final_status":"failed","error_code":30001}"#);
        assert_eq!(failed, [(2, "failed", Some(30001))]);
        let undelivered = from_queued(r#"{"final_status":"undelivered"}"#);
        assert_eq!(
            undelivered,
            [(2, "sent", None), (3, "undelivered", Some(30008))]
        );
    }
}
