//! The course of a message after its acceptance: which statuses follow, and when.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::callback_target::CallbackTarget;
use crate::callbacks::Callback;
use crate::clock::later;
use crate::delivery::{Recipient, deliver_all};
use crate::queues::Turn;
use crate::reporting::Reporting;
use crate::rules::RuleStep;
use crate::settings::Settings;
use crate::simulator::Simulator;
use crate::status::{FinalStatus, TwilioStatus};
use crate::store::Message;

/// Its queue was full when a Messaging Service had picked a sender: <https://www.twilio.com/docs/api/errors/30001>.
const QUEUE_OVERFLOW: i32 = 30001;

/// `ValidityPeriod` was over before it left: <https://www.twilio.com/docs/api/errors/30036>.
const VALIDITY_EXPIRED: i32 = 30036;

/// What lies before one message.
#[derive(Debug)]
pub(crate) struct Course {
    /// The message.
    pub(crate) sid: String,
    /// When the first step begins to count.
    start: DateTime<Utc>,
    steps: Vec<Step>,
    expires_at: DateTime<Utc>,
    /// When its sender gets to it; `None` while it has no place in a queue.
    turn: Option<DateTime<Utc>>,
    /// `None`: nothing is reported.
    callback: Option<CallbackTarget>,
    reporting: Reporting,
    is_scheduled: bool,
}

/// One status and how long after the one before it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    after: Duration,
    status: TwilioStatus,
    error_code: Option<i32>,
}

/// What is known about a message besides its record.
#[derive(Debug)]
pub(crate) struct Prospect {
    /// When a scheduled message leaves.
    pub(crate) send_at: Option<DateTime<Utc>>,
    /// When its sender gets to it, if it took a place already.
    pub(crate) turn: Option<DateTime<Utc>>,
    /// The statuses it shall have, if they are prescribed.
    pub(crate) path: Option<Vec<RuleStep>>,
    /// Where they are reported.
    pub(crate) callback: Option<CallbackTarget>,
}

impl Course {
    /// The course of a message that was accepted just now.
    pub(crate) fn new(
        message: &Message,
        prospect: Prospect,
        settings: &Settings,
        reporting: Reporting,
    ) -> Self {
        let steps = match prospect.path {
            Some(path) => prescribed(path, settings),
            None => usual(message.status, settings),
        };
        Self {
            sid: message.sid.clone(),
            start: prospect.send_at.unwrap_or(message.received_at),
            steps,
            expires_at: message.expires_at,
            turn: prospect.turn,
            callback: prospect.callback,
            reporting,
            is_scheduled: prospect.send_at.is_some(),
        }
    }

    /// Whether its reports shall come before the create is answered. Nobody waits for a scheduled message.
    pub(crate) fn reports_early(&self) -> bool {
        self.reporting.is_early() && !self.is_scheduled
    }

    /// Changes the statuses of the message in time and reports each; returns when the last report is done, but for
    /// those that come late on purpose.
    pub(crate) async fn run(mut self, simulator: Arc<Simulator>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let reports = self.callback.take().map(|target| Recipient {
            sid: self.sid.clone(),
            target,
        });
        let reporting = self.reporting.clone();
        let is_reported = reports.is_some() && !reporting.is_silent();
        let changes = async {
            self.change_all(&simulator, |callback| {
                if is_reported {
                    simulator.courier.expect(&outbox, callback);
                }
            })
            .await;
            drop(outbox);
        };
        let reports = async {
            if let Some(recipient) = &reports {
                deliver_all(&simulator, recipient, reporting, inbox).await;
            }
        };
        tokio::join!(changes, reports);
    }

    async fn change_all(&self, simulator: &Simulator, report: impl Fn(Callback)) {
        let mut due = self.start;
        let mut turn = self.turn;
        let mut is_queued = true;
        for &(mut step) in &self.steps {
            let leaves_queue = is_queued && step.status.has_left();
            if leaves_queue && turn.is_none() {
                // Prescribed without a `queued` before it: it takes its place when its time has come.
                simulator.clock.sleep_until(due).await;
                match self.take_turn(simulator, due) {
                    Ok(time) => turn = Some(time),
                    Err(failed) => step = failed,
                }
            }
            due = later(due, step.after);
            if leaves_queue {
                is_queued = false;
                due = turn.unwrap_or(due).max(due);
                if due > self.expires_at && step.status != TwilioStatus::Failed {
                    due = self.expires_at;
                    step = failure(VALIDITY_EXPIRED);
                }
            }
            simulator.clock.sleep_until(due).await;
            if turn.is_none() && step.status != TwilioStatus::Failed {
                match self.take_turn(simulator, due) {
                    Ok(time) => turn = Some(time),
                    Err(failed) => step = failed,
                }
            }
            let Some(callback) = self.change(simulator, step) else {
                return;
            };
            report(callback);
        }
    }

    /// Gives the message a sender, if it has none yet, and a place in its queue at `now`. Returns when its turn comes.
    fn take_turn(&self, simulator: &Simulator, now: DateTime<Utc>) -> Result<DateTime<Utc>, Step> {
        // Forgotten or cancelled: the change that follows finds that, too.
        let waiting = simulator.store().find(&self.sid).cloned();
        let waiting = waiting.filter(|message| !message.status.is_final());
        let Some(message) = waiting else {
            return Ok(self.start);
        };
        // Without the lock on the messages: the pool belongs to the inbound side, which has a lock of its own.
        let service = message.messaging_service_sid.as_deref();
        let pick = || simulator.pool_sender(&message.to, service);
        let sender = message.from.clone().unwrap_or_else(pick);
        if let Some(message) = simulator.store().find_mut(&self.sid) {
            message.from = Some(sender.clone());
        }
        let segments = message.segments;
        match simulator.take_turn(&sender, segments, now, self.expires_at) {
            Turn::At(time) => Ok(time),
            Turn::TooLate => Ok(DateTime::<Utc>::MAX_UTC),
            Turn::QueueFull => Err(failure(QUEUE_OVERFLOW)),
        }
    }

    /// `None`: the message was cancelled or forgotten, so its course ends here.
    fn change(&self, simulator: &Simulator, step: Step) -> Option<Callback> {
        let now = simulator.clock.now();
        let mut store = simulator.store();
        let message = store.advance(&self.sid, step.status, step.error_code, now)?;
        Some(Callback::new(message, &simulator.credentials.account_sid))
    }
}

fn failure(code: i32) -> Step {
    Step {
        after: Duration::ZERO,
        status: TwilioStatus::Failed,
        error_code: Some(code),
    }
}

/// The steps a rule prescribes; what it leaves open is as in the settings.
fn prescribed(path: Vec<RuleStep>, settings: &Settings) -> Vec<Step> {
    path.into_iter()
        .map(|step| {
            let usual = settings.callback_delays_ms.before(step.status);
            let code = step.status.is_error().then(|| settings.final_error_code());
            Step {
                after: step.after.unwrap_or(usual),
                status: step.status,
                error_code: step.error_code.or(code),
            }
        })
        .collect()
}

/// The statuses that follow `initial` when nothing else is prescribed.
fn usual(initial: TwilioStatus, settings: &Settings) -> Vec<Step> {
    let end = match settings.final_status {
        FinalStatus::Failed => [TwilioStatus::Failed].as_slice(),
        FinalStatus::Sent => &[TwilioStatus::Sent],
        FinalStatus::Delivered => &[TwilioStatus::Sent, TwilioStatus::Delivered],
        FinalStatus::Undelivered => &[TwilioStatus::Sent, TwilioStatus::Undelivered],
    };
    let queued = match initial {
        TwilioStatus::Accepted => Some(settings.callback_delays_ms.before(TwilioStatus::Queued)),
        // Its time has come: it is queued at once.
        TwilioStatus::Scheduled => Some(Duration::ZERO),
        _ => None,
    };
    let queued = queued.map(|after| Step {
        after,
        status: TwilioStatus::Queued,
        error_code: None,
    });
    let rest = end.iter().map(|&status| RuleStep {
        status,
        error_code: None,
        after: None,
    });
    let mut steps = Vec::from_iter(queued);
    steps.extend(prescribed(rest.collect(), settings));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(initial: TwilioStatus, patch: &str) -> Vec<(u64, &'static str, Option<i32>)> {
        let mut settings = Settings::new(1, 2, 3);
        settings
            .apply(serde_json::from_str(patch).unwrap())
            .unwrap();
        usual(initial, &settings)
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
            [[(0, "queued", None)].as_slice(), &rest].concat()
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
