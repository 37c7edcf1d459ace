//! What goes wrong with the next creates, as planned through the control endpoint.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// What happens to one create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The answer is held back this long; a message is accepted before the wait.
    pub(crate) latency: Duration,
    /// What goes wrong; `None` is only slow.
    pub(crate) kind: Option<FaultKind>,
    /// The error of `error_before` and `error_after`.
    error: Option<ApiError>,
}

/// A way a create can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// An error; nothing was accepted.
    ErrorBefore,
    /// The message is accepted, and the answer is an error all the same.
    ErrorAfter,
    /// The message is accepted, then the TCP connection is reset.
    ResetAfter,
    /// The message is accepted, and no answer ever comes.
    StallAfter,
    /// A gateway's HTML page with status 502; nothing was accepted.
    #[serde(rename = "html_502")]
    Html502,
}

/// One entry of the plan as it is posted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedFault {
    #[serde(default = "once")]
    count: usize,
    #[serde(default)]
    latency_ms: u64,
    http_status: Option<u16>,
    code: Option<i32>,
    fault: Option<FaultKind>,
}

/// Why an entry cannot be planned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FaultError {
    /// Not an error status.
    #[error("http_status {0} is no error: use 400 to 599, or leave it out")]
    NotAnError(u16),
    /// Nothing would use the status or code.
    #[error("http_status and code belong to error_before and error_after, not to the given fault")]
    ErrorUnused,
}

/// The faults still to come, in order.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    entries: VecDeque<(usize, Fault)>,
}

const fn once() -> usize {
    1
}

impl FaultPlan {
    /// Replaces the plan: the next creates meet these faults in this order. Returns how many creates it covers.
    pub(crate) fn replace(&mut self, planned: Vec<PlannedFault>) -> Result<usize, FaultError> {
        let entries = planned.into_iter().map(PlannedFault::into_entry);
        self.entries = entries.collect::<Result<_, _>>()?;
        Ok(self.remaining())
    }

    /// The fault of the next create; the default one does nothing.
    pub(crate) fn take(&mut self) -> Fault {
        while let Some((count, fault)) = self.entries.front_mut() {
            if *count > 0 {
                *count -= 1;
                return fault.clone();
            }
            self.entries.pop_front();
        }
        Fault::default()
    }

    /// How many creates the plan still covers.
    pub(crate) fn remaining(&self) -> usize {
        self.entries.iter().map(|(count, _)| count).sum()
    }
}

impl Fault {
    /// The error of `error_before` and `error_after`: 500 with code 20500 unless another was planned.
    pub(crate) fn error(&self) -> ApiError {
        self.error.clone().unwrap_or_else(|| {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, 20500, message(20500))
        })
    }
}

impl PlannedFault {
    fn into_entry(self) -> Result<(usize, Fault), FaultError> {
        let error = planned_error(self.http_status, self.code)?;
        let kind = self
            .fault
            .or(error.is_some().then_some(FaultKind::ErrorBefore));
        let uses_error = matches!(kind, Some(FaultKind::ErrorBefore | FaultKind::ErrorAfter));
        if error.is_some() && !uses_error {
            return Err(FaultError::ErrorUnused);
        }
        let latency = Duration::from_millis(self.latency_ms);
        Ok((
            self.count,
            Fault {
                latency,
                kind,
                error,
            },
        ))
    }
}

fn planned_error(
    http_status: Option<u16>,
    code: Option<i32>,
) -> Result<Option<ApiError>, FaultError> {
    let (number, code) = match (http_status, code) {
        (None, None) => return Ok(None),
        (Some(status), Some(code)) => (status, code),
        (Some(status), None) => (status, code_of(status)),
        (None, Some(code)) => (status_of(code), code),
    };
    let status = StatusCode::from_u16(number)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .ok_or(FaultError::NotAnError(number))?;
    if code == 20003 {
        let mut error = ApiError::unauthenticated();
        error.status = status;
        return Ok(Some(error));
    }
    Ok(Some(ApiError::new(status, code, message(code))))
}

/// The code Twilio gives when a status has no more exact one.
fn code_of(http_status: u16) -> i32 {
    match http_status {
        401 => 20003,
        403 => 20403,
        404 => 20404,
        409 => 20409,
        429 => 20429,
        503 => 20503,
        500..=599 => 20500,
        _ => 20422,
    }
}

/// The status that goes with a code; nearly all refusals of a create are 400.
fn status_of(code: i32) -> u16 {
    match code {
        20003 => 401,
        20006 | 20008 | 20403 => 403,
        20404 => 404,
        20409 => 409,
        20429 | 21611 => 429,
        20500 => 500,
        20503 => 503,
        _ => 400,
    }
}

fn message(code: i32) -> String {
    herald_core::catalogue::lookup(code)
        .map_or_else(|| format!("Error {code}"), |entry| entry.meaning.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> Result<FaultPlan, FaultError> {
        let mut plan = FaultPlan::default();
        plan.replace(vec![serde_json::from_str(json).unwrap()])?;
        Ok(plan)
    }

    fn error(json: &str) -> (u16, i32) {
        let error = plan(json).unwrap().take().error();
        (error.status.as_u16(), error.code)
    }

    #[test]
    fn entries_are_used_up_in_order() {
        let mut plan = FaultPlan::default();
        let entries = r#"[{"count":2,"fault":"reset_after"},{"count":0,"fault":"html_502"},{"latency_ms":5}]"#;
        assert_eq!(plan.replace(serde_json::from_str(entries).unwrap()), Ok(3));
        assert_eq!(plan.take().kind, Some(FaultKind::ResetAfter));
        assert_eq!(plan.take().kind, Some(FaultKind::ResetAfter));
        let slow = plan.take();
        assert_eq!((slow.kind, slow.latency), (None, Duration::from_millis(5)));
        assert_eq!(plan.remaining(), 0);
        assert_eq!(plan.take(), Fault::default());
    }

    #[test]
    fn status_and_code_complete_each_other() {
        assert_eq!(error(r#"{"http_status":503}"#), (503, 20503));
        assert_eq!(error(r#"{"http_status":429}"#), (429, 20429));
        assert_eq!(error(r#"{"code":21611}"#), (429, 21611));
        assert_eq!(error(r#"{"code":21610}"#), (400, 21610));
        assert_eq!(error(r#"{"http_status":500,"code":20503}"#), (500, 20503));
        assert_eq!(error(r#"{"fault":"error_after"}"#), (500, 20500));
    }

    #[test]
    fn an_error_without_a_fault_comes_before_acceptance() {
        let fault = plan(r#"{"http_status":401}"#).unwrap().take();
        assert_eq!(fault.kind, Some(FaultKind::ErrorBefore));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(
            plan(r#"{"http_status":201}"#).err(),
            Some(FaultError::NotAnError(201))
        );
        let unused = plan(r#"{"http_status":500,"fault":"reset_after"}"#).err();
        assert_eq!(unused, Some(FaultError::ErrorUnused));
        assert!(serde_json::from_str::<PlannedFault>(r#"{"fault":"explode"}"#).is_err());
        assert!(serde_json::from_str::<PlannedFault>(r#"{"counts":1}"#).is_err());
    }
}
