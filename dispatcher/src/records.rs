//! What goes to the extension's functions and comes back from them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use herald_core::callback::CallbackKey;
use herald_core::verification::Step;
use serde::Serialize;
use uuid::Uuid;

use crate::twilio::{Answer, Listed};

/// What the extension says of itself and of this installation.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    /// Version of the tables.
    pub(crate) schema_version: i32,
    /// Version of the extension's code.
    pub(crate) extension_version: String,
    /// Key of the MAC in our callback URLs.
    pub(crate) callback_key: CallbackKey,
    /// How long a claimed batch is ours.
    pub(crate) lease: Duration,
    /// Postgres' clock minus ours, in seconds; half the round trip uncertain.
    pub(crate) clock_offset_seconds: f64,
    /// The server is a standby.
    pub(crate) in_recovery: bool,
}

/// One text to send.
#[derive(Clone)]
pub(crate) struct Claimed {
    /// The batch that holds the lease.
    pub(crate) batch_id: Uuid,
    /// `sms_messages.id`.
    pub(crate) message_id: Uuid,
    /// Number of this attempt, from 1.
    pub(crate) attempt: i32,
    /// E.164. Masked in logs.
    pub(crate) to_number: String,
    /// The text. Never logged.
    pub(crate) body: String,
    /// urgent, high, normal or low.
    pub(crate) priority: String,
    /// Seconds that Twilio may keep the text in its own queue; `None` leaves it to Twilio.
    pub(crate) validity_seconds: Option<i32>,
}

/// What became of one attempt, as `complete_sms_messages` takes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AttemptResult {
    /// The batch that holds the lease.
    pub(crate) batch_id: Uuid,
    /// `sms_messages.id`.
    pub(crate) message_id: Uuid,
    /// Number of the attempt.
    pub(crate) attempt: i32,
    /// accepted, rejected, not_sent or unknown.
    pub(crate) outcome: &'static str,
    /// Who was named as the sender; only with a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    /// What Twilio said.
    #[serde(flatten)]
    pub(crate) answer: Answer,
}

/// One status callback, as `record_twilio_callbacks` takes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Callback {
    /// From our MAC-protected URL; `None` if the URL was not ours.
    pub(crate) message_id: Option<Uuid>,
    /// From our URL as well.
    pub(crate) attempt: Option<i32>,
    /// Twilio's `MessageSid`.
    pub(crate) sid: String,
    /// Twilio's word for the status.
    pub(crate) status: String,
    /// Twilio's `ErrorCode`.
    pub(crate) error_code: Option<i32>,
    /// All form parameters, the known and the unknown ones.
    pub(crate) params: serde_json::Map<String, serde_json::Value>,
    /// `I-Twilio-Idempotency-Token`: equal on all retries of one callback.
    pub(crate) idempotency_token: Option<String>,
}

/// One row of `herald_status()`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StatusRow {
    /// queue, breaker, twilio or arming.
    pub(crate) section: String,
    /// What it is about.
    pub(crate) name: String,
    /// How many.
    pub(crate) amount: Option<i64>,
    /// Age of the oldest, or since when.
    pub(crate) age_seconds: Option<f64>,
    /// In words.
    pub(crate) detail: Option<String>,
}

/// One row of `herald_breakers()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breaker {
    /// Identity.
    pub(crate) id: Uuid,
    /// account, sender or country.
    pub(crate) scope: String,
    /// Which sender or country.
    pub(crate) key: String,
    /// Twilio's code, or a negative default.
    pub(crate) error_code: Option<i32>,
    /// What it says.
    pub(crate) reason: String,
    /// low, medium, high or critical.
    pub(crate) severity: String,
    /// What a person should do.
    pub(crate) advice: Option<String>,
}

/// One attempt of `claim_unknown_sms_messages()`: in doubt, or on its way to the same number.
#[derive(Debug, Clone)]
pub(crate) struct UnknownAttempt {
    /// The fence of what is found.
    pub(crate) claim_id: Uuid,
    /// `sms_messages.id`.
    pub(crate) message_id: Uuid,
    /// Number of the attempt.
    pub(crate) attempt: i32,
    /// E.164.
    pub(crate) to_number: String,
    /// The text. Never logged.
    pub(crate) body: String,
    /// Twilio cannot have accepted it before; seconds since 1970.
    pub(crate) accepted_from: i64,
    /// Nor after.
    pub(crate) accepted_until: i64,
    /// Earlier attempts that Twilio refused, and lists.
    pub(crate) refused_before: i32,
    /// Whether it is to be decided.
    pub(crate) settle: bool,
}

/// What a look into Twilio's list says of one attempt, as `complete_unknown_sms_messages` takes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LookResult {
    /// From the claim.
    pub(crate) claim_id: Uuid,
    /// `sms_messages.id`.
    pub(crate) message_id: Uuid,
    /// Number of the attempt.
    pub(crate) attempt: i32,
    /// found, absent, ambiguous or failed.
    pub(crate) verdict: &'static str,
    /// Twilio's id, with found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// Twilio's word for its status, with found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Twilio's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<i32>,
}

/// One row of `claim_stale_sms_messages()`: an acceptance of which nothing final was heard.
#[derive(Debug, Clone)]
pub(crate) struct SilentAttempt {
    /// `sms_messages.id`.
    pub(crate) message_id: Uuid,
    /// Number of the attempt.
    pub(crate) attempt: i32,
    /// Twilio's id.
    pub(crate) sid: String,
}

/// What Twilio says of it, as `complete_stale_sms_messages` takes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StaleResult {
    message_id: Uuid,
    attempt: i32,
    sid: String,
    /// found, gone or failed.
    pub(crate) verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i32>,
}

impl StaleResult {
    /// `answer` is what Twilio has; `None` if it gave no answer, `Some(None)` if it has nothing.
    pub(crate) fn new(silent: SilentAttempt, answer: Option<Option<Listed>>) -> Self {
        let (verdict, message) = match answer {
            None => ("failed", None),
            Some(None) => ("gone", None),
            Some(message) => ("found", message),
        };
        Self {
            message_id: silent.message_id,
            attempt: silent.attempt,
            sid: silent.sid,
            verdict,
            error_code: message.as_ref().and_then(|message| message.error_code),
            status: message.map(|message| message.status),
        }
    }
}

/// One row of `why()`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StoryLine {
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// The recipient it is about; `None` = the event.
    pub(crate) user_id: Option<Uuid>,
    /// The channel it is about.
    pub(crate) channel: Option<String>,
    /// What happened, in a word.
    pub(crate) step: String,
    /// More about it.
    pub(crate) detail: String,
}

/// One row of `herald_queue_stats()`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct QueueStat {
    /// due, waiting, in_flight or unknown.
    pub(crate) state: String,
    /// urgent, high, normal or low.
    pub(crate) priority: String,
    /// How many.
    pub(crate) messages: i64,
    /// Age of the oldest one in seconds.
    pub(crate) oldest_age_seconds: Option<f64>,
}

/// One step of a phone verification.
#[derive(Clone)]
pub(crate) struct Verification {
    /// `phone_verifications.id`.
    pub(crate) id: Uuid,
    /// Names this claim when its answer is written.
    pub(crate) claim: i32,
    /// What to ask.
    pub(crate) step: Step,
    /// E.164. Masked in logs.
    pub(crate) phone_number: String,
    /// How the code is sent: sms.
    pub(crate) channel: String,
    /// Twilio's id, once there is one.
    pub(crate) verification_sid: Option<String>,
    /// The code to compare. Never logged, and nowhere but here.
    pub(crate) code: Option<String>,
}
