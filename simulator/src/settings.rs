//! What can be changed while the simulator runs: the pace and mode of callbacks, where messages end, and the limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::callback_target::CallbackTarget;
use crate::queues::{InvalidRate, QueueRates};
use crate::status::{FinalStatus, TwilioStatus};

/// Error code of `undelivered` and `failed` when none was set: "unknown error".
const DEFAULT_ERROR_CODE: i32 = 30008;

/// How much later a late callback comes when nothing else was set.
const DEFAULT_LATE_MS: u64 = 2_000;

/// The settings a message is accepted under. A change applies to messages accepted after it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Settings {
    /// Pace of the status changes.
    pub(crate) callback_delays_ms: Delays,
    /// Whether and how callbacks are sent.
    pub(crate) callbacks: CallbackMode,
    /// Where messages end.
    pub(crate) final_status: FinalStatus,
    /// Error code of `undelivered` and `failed`.
    pub(crate) error_code: Option<i32>,
    /// How much later a late callback comes.
    callback_late_ms: u64,
    /// StatusCallback of the Messaging Services, for creates that name none.
    pub(crate) service_status_callback: Option<String>,
    /// Rates of the senders; `null`: they send at once.
    pub(crate) sender_queues: Option<QueueRates>,
    /// Requests under way at once; one more is refused with 20429. 0: any number.
    pub(crate) concurrency_limit: usize,
}

/// Milliseconds from one status to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Delays {
    queued: u64,
    sent: u64,
    delivered: u64,
}

/// What happens to status callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CallbackMode {
    /// One for each status change, in order.
    Normal,
    /// None at all; the statuses still change.
    None,
    /// All of them before the create is answered.
    Early,
    /// Each one twice, with the same idempotency token.
    Duplicate,
    /// Held back until the last status, then sent last to first.
    Reverse,
    /// Held back until the last status, then sent in an order that depends on the seed.
    Shuffle,
    /// Each one `callback_late_ms` later; what follows does not wait for it.
    Late,
    /// Every one is lost on its way; the record of the message shows it.
    Lost,
}

/// A partial change; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    callback_delays_ms: Option<DelaysPatch>,
    callbacks: Option<CallbackMode>,
    final_status: Option<FinalStatus>,
    error_code: Option<i32>,
    callback_late_ms: Option<u64>,
    service_status_callback: Option<String>,
    sender_queues: Option<QueuesPatch>,
    concurrency_limit: Option<usize>,
}

/// `true`: Twilio's rates; `false`: none; an object: Twilio's rates but for what it names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum QueuesPatch {
    Switch(bool),
    Rates(QueueRates),
}

/// Why a change was refused; nothing of it holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// No such rate.
    #[error(transparent)]
    Rate(#[from] InvalidRate),
    /// Not a URL Twilio would call.
    #[error("service_status_callback {0} is not an http or https URL with a host; \"\" for none")]
    Callback(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelaysPatch {
    queued: Option<u64>,
    sent: Option<u64>,
    delivered: Option<u64>,
}

impl Settings {
    /// Normal callbacks at this pace; every message is delivered.
    pub(crate) fn new(queued_ms: u64, sent_ms: u64, delivered_ms: u64) -> Self {
        Self {
            callback_delays_ms: Delays {
                queued: queued_ms,
                sent: sent_ms,
                delivered: delivered_ms,
            },
            callbacks: CallbackMode::Normal,
            final_status: FinalStatus::Delivered,
            error_code: None,
            callback_late_ms: DEFAULT_LATE_MS,
            service_status_callback: None,
            sender_queues: None,
            concurrency_limit: 0,
        }
    }

    /// Applies a partial change. A new final status without an error code takes the default code again.
    pub(crate) fn apply(&mut self, patch: SettingsPatch) -> Result<(), SettingsError> {
        if let Some(QueuesPatch::Rates(rates)) = &patch.sender_queues {
            rates.check()?;
        }
        if let Some(url) = patch.service_status_callback {
            if !url.is_empty() && CallbackTarget::parse(&url).is_none() {
                return Err(SettingsError::Callback(url));
            }
            self.service_status_callback = Some(url).filter(|url| !url.is_empty());
        }
        match patch.sender_queues {
            Some(QueuesPatch::Switch(true)) => self.sender_queues = Some(QueueRates::default()),
            Some(QueuesPatch::Switch(false)) => self.sender_queues = None,
            Some(QueuesPatch::Rates(rates)) => self.sender_queues = Some(rates),
            None => {}
        }
        self.concurrency_limit = patch.concurrency_limit.unwrap_or(self.concurrency_limit);
        self.callback_late_ms = patch.callback_late_ms.unwrap_or(self.callback_late_ms);
        if let Some(delays) = &patch.callback_delays_ms {
            let current = &mut self.callback_delays_ms;
            current.queued = delays.queued.unwrap_or(current.queued);
            current.sent = delays.sent.unwrap_or(current.sent);
            current.delivered = delays.delivered.unwrap_or(current.delivered);
        }
        self.callbacks = patch.callbacks.unwrap_or(self.callbacks);
        if let Some(final_status) = patch.final_status {
            self.final_status = final_status;
            self.error_code = None;
        }
        self.error_code = patch.error_code.or(self.error_code);
        Ok(())
    }

    /// Where the statuses of messages go that come through a Messaging Service and name no StatusCallback.
    pub(crate) fn service_callback(&self) -> Option<CallbackTarget> {
        CallbackTarget::parse(self.service_status_callback.as_deref()?)
    }

    /// How much later a late callback comes.
    pub(crate) fn callback_late(&self) -> Duration {
        Duration::from_millis(self.callback_late_ms)
    }

    /// The error code that goes with `undelivered` and `failed`.
    pub(crate) fn final_error_code(&self) -> i32 {
        self.error_code.unwrap_or(DEFAULT_ERROR_CODE)
    }
}

impl Delays {
    /// From the status before it to this one.
    pub(crate) fn before(self, status: TwilioStatus) -> Duration {
        use TwilioStatus::*;
        Duration::from_millis(match status {
            Accepted | Scheduled | Queued => self.queued,
            Sending | Sent | Failed | Canceled => self.sent,
            PartiallyDelivered | Delivered | Undelivered | Read => self.delivered,
            Received => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(settings: &Settings, patch: &str) -> Settings {
        let mut settings = settings.clone();
        settings
            .apply(serde_json::from_str(patch).unwrap())
            .unwrap();
        settings
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let start = Settings::new(1, 2, 3);
        assert_eq!(patched(&start, "{}"), start);

        let slower = patched(&start, r#"{"callback_delays_ms":{"sent":20}}"#);
        let before = |status| slower.callback_delays_ms.before(status).as_millis();
        assert_eq!(before(TwilioStatus::Sent), 20);
        assert_eq!(before(TwilioStatus::Queued), 1);
        assert_eq!(slower.callbacks, CallbackMode::Normal);
    }

    #[test]
    fn a_new_final_status_forgets_the_old_code() {
        let start = Settings::new(1, 2, 3);
        let failed = patched(&start, r#"{"final_status":"failed","error_code":30003}"#);
        assert_eq!(failed.final_error_code(), 30003);
        let undelivered = patched(&failed, r#"{"final_status":"undelivered"}"#);
        assert_eq!(undelivered.final_error_code(), DEFAULT_ERROR_CODE);
        let coded = patched(&undelivered, r#"{"error_code":30005}"#);
        assert_eq!(coded.final_status, FinalStatus::Undelivered);
        assert_eq!(coded.final_error_code(), 30005);
    }

    #[test]
    fn queues_are_switched_or_given_rates() {
        let start = Settings::new(1, 2, 3);
        let on = patched(&start, r#"{"sender_queues":true}"#);
        assert_eq!(on.sender_queues, Some(QueueRates::default()));
        let slower = patched(&on, r#"{"sender_queues":{"toll_free":1}}"#);
        assert_ne!(slower.sender_queues, on.sender_queues);
        assert_eq!(patched(&slower, r#"{"sender_queues":false}"#), start);
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let mut settings = Settings::new(1, 2, 3);
        for wrong in [
            r#"{"error_code":30003,"sender_queues":{"toll_free":0}}"#,
            r#"{"error_code":30003,"service_status_callback":"nowhere"}"#,
        ] {
            let patch = serde_json::from_str(wrong).unwrap();
            assert!(settings.apply(patch).is_err(), "{wrong}");
        }
        assert_eq!(settings, Settings::new(1, 2, 3));
    }

    #[test]
    fn unknown_settings_are_refused() {
        for wrong in [
            r#"{"callback":"none"}"#,
            r#"{"callbacks":"some"}"#,
            r#"{"callback_delays_ms":{"read":1}}"#,
            r#"{"sender_queues":{"fax":1}}"#,
        ] {
            assert!(
                serde_json::from_str::<SettingsPatch>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
