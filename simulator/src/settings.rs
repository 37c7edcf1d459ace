//! What can be changed while the simulator runs: the pace and mode of callbacks, and where messages end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::status::FinalStatus;

/// Error code of `undelivered` and `failed` when none was set: "unknown error".
const DEFAULT_ERROR_CODE: i32 = 30008;

/// The settings a message is accepted under. A change applies to messages accepted after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Settings {
    /// Pace of the status changes.
    pub(crate) callback_delays_ms: Delays,
    /// Whether and how callbacks are sent.
    pub(crate) callbacks: CallbackMode,
    /// Where messages end.
    pub(crate) final_status: FinalStatus,
    /// Error code of `undelivered` and `failed`.
    pub(crate) error_code: Option<i32>,
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
}

/// A partial change; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    callback_delays_ms: Option<DelaysPatch>,
    callbacks: Option<CallbackMode>,
    final_status: Option<FinalStatus>,
    error_code: Option<i32>,
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
        }
    }

    /// Applies a partial change. A new final status without an error code takes the default code again.
    pub(crate) fn apply(&mut self, patch: &SettingsPatch) {
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
    }

    /// The error code that goes with `undelivered` and `failed`.
    pub(crate) fn final_error_code(&self) -> i32 {
        self.error_code.unwrap_or(DEFAULT_ERROR_CODE)
    }
}

impl Delays {
    /// From `accepted` to `queued`.
    pub(crate) fn queued(self) -> Duration {
        Duration::from_millis(self.queued)
    }

    /// From `queued` to `sent` or `failed`.
    pub(crate) fn sent(self) -> Duration {
        Duration::from_millis(self.sent)
    }

    /// From `sent` to `delivered` or `undelivered`.
    pub(crate) fn delivered(self) -> Duration {
        Duration::from_millis(self.delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(settings: &Settings, patch: &str) -> Settings {
        let mut settings = settings.clone();
        settings.apply(&serde_json::from_str(patch).unwrap());
        settings
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let start = Settings::new(1, 2, 3);
        assert_eq!(patched(&start, "{}"), start);

        let slower = patched(&start, r#"{"callback_delays_ms":{"sent":20}}"#);
        assert_eq!(slower.callback_delays_ms.sent(), Duration::from_millis(20));
        assert_eq!(slower.callback_delays_ms.queued(), Duration::from_millis(1));
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
    fn unknown_settings_are_refused() {
        for wrong in [
            r#"{"callback":"none"}"#,
            r#"{"callbacks":"some"}"#,
            r#"{"callback_delays_ms":{"read":1}}"#,
        ] {
            assert!(
                serde_json::from_str::<SettingsPatch>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
