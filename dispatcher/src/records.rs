//! What goes to the extension's functions and comes back from them.

use std::time::Duration;

use herald_core::callback::CallbackKey;
use herald_core::verification::Step;
use serde::Serialize;
use uuid::Uuid;

use crate::twilio::Answer;

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
