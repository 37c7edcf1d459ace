//! Every create request that came in, also the refused and the failed ones.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::faults::FaultKind;

/// The create requests in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: Vec<CreateRequest>,
    refused: u64,
    faulted: u64,
}

/// One create request and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CreateRequest {
    /// 1 for the first request, without gaps.
    order: usize,
    received_at: DateTime<Utc>,
    #[serde(flatten)]
    outcome: CreateOutcome,
}

/// What became of a create request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CreateOutcome {
    /// As in the `Twilio-Request-Id` header.
    pub(crate) request_id: String,
    /// The `To` parameter as it was sent.
    pub(crate) to: Option<String>,
    /// The message; `null` when none was accepted.
    pub(crate) sid: Option<String>,
    /// The fault it met.
    pub(crate) fault: Option<FaultKind>,
    /// What else is unusual about the answer: `slow_answer`, `slow_body`, `problem_body`.
    pub(crate) modifiers: Vec<&'static str>,
    /// Status of the answer; `null` when none was complete (reset, stall).
    pub(crate) http_status: Option<u16>,
    /// Twilio's error code in the answer.
    pub(crate) code: Option<i32>,
}

impl RequestLog {
    /// Notes a request.
    pub(crate) fn add(&mut self, received_at: DateTime<Utc>, outcome: CreateOutcome) {
        match (outcome.fault, &outcome.sid) {
            (Some(_), _) => self.faulted += 1,
            (None, None) => self.refused += 1,
            (None, Some(_)) => {}
        }
        let order = self.entries.len() + 1;
        self.entries.push(CreateRequest {
            order,
            received_at,
            outcome,
        });
    }

    /// All requests in order of arrival.
    pub(crate) fn entries(&self) -> &[CreateRequest] {
        &self.entries
    }

    /// How many were refused as Twilio would, without a fault.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// How many met a fault (slow answers alone are none).
    pub(crate) fn faulted(&self) -> u64 {
        self.faulted
    }
}
