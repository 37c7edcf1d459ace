//! Faults planned for the next creates, through `POST /_sim/next`.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;

use super::{ErrorBody, Fault, FaultKind};
use crate::error::ApiError;

/// One entry of the plan as it is posted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedFault {
    #[serde(default = "once")]
    count: usize,
    #[serde(default)]
    latency_ms: u64,
    #[serde(default)]
    body_ms: u64,
    http_status: Option<u16>,
    code: Option<i32>,
    error_body: Option<ErrorBody>,
    fault: Option<FaultKind>,
}

/// Why an entry cannot be planned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FaultError {
    /// Not an error status.
    #[error("http_status {0} is no error: use 400 to 599, or leave it out")]
    NotAnError(u16),
    /// Nothing would use the status or code.
    #[error(
        "http_status, code and error_body belong to error_before and error_after, not to the given fault"
    )]
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

    /// The fault of the next create; `None`: none is planned for it.
    pub(crate) fn take(&mut self) -> Option<Fault> {
        while let Some((count, fault)) = self.entries.front_mut() {
            if *count > 0 {
                *count -= 1;
                return Some(fault.clone());
            }
            self.entries.pop_front();
        }
        None
    }

    /// How many creates the plan still covers.
    pub(crate) fn remaining(&self) -> usize {
        self.entries.iter().map(|(count, _)| count).sum()
    }
}

impl PlannedFault {
    fn into_entry(self) -> Result<(usize, Fault), FaultError> {
        let error = planned_error(self.http_status, self.code)?;
        let names_error = error.is_some() || self.error_body.is_some();
        let kind = self.fault.or(names_error.then_some(FaultKind::ErrorBefore));
        if names_error && !kind.is_some_and(FaultKind::has_error) {
            return Err(FaultError::ErrorUnused);
        }
        let fault = Fault {
            kind,
            latency: Duration::from_millis(self.latency_ms),
            body_time: Duration::from_millis(self.body_ms),
            error_body: self.error_body.unwrap_or_default(),
            error,
        };
        Ok((self.count, fault))
    }
}

fn planned_error(
    http_status: Option<u16>,
    code: Option<i32>,
) -> Result<Option<ApiError>, FaultError> {
    let number = match (http_status, code) {
        (None, None) => return Ok(None),
        (None, Some(code)) => return Ok(Some(ApiError::of_code(code))),
        (Some(number), _) => number,
    };
    let status = StatusCode::from_u16(number)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .ok_or(FaultError::NotAnError(number))?;
    let code = code.unwrap_or_else(|| code_of(number));
    Ok(Some(ApiError::of_code_with(status, code)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> Result<FaultPlan, FaultError> {
        let mut plan = FaultPlan::default();
        plan.replace(vec![serde_json::from_str(json).unwrap()])?;
        Ok(plan)
    }

    fn first(json: &str) -> Fault {
        plan(json).unwrap().take().unwrap()
    }

    fn error(json: &str) -> (u16, i32) {
        let error = first(json).error();
        (error.status.as_u16(), error.code)
    }

    #[test]
    fn entries_are_used_up_in_order() {
        let mut plan = FaultPlan::default();
        let entries = r#"[{"count":2,"fault":"reset_after"},{"count":0,"fault":"html_502"},
            {"latency_ms":5,"body_ms":7}]"#;
        assert_eq!(plan.replace(serde_json::from_str(entries).unwrap()), Ok(3));
        let mut kind = || plan.take().unwrap().kind;
        assert_eq!(kind(), Some(FaultKind::ResetAfter));
        assert_eq!(kind(), Some(FaultKind::ResetAfter));
        let slow = plan.take().unwrap();
        assert_eq!(slow.modifiers(), ["slow_answer", "slow_body"]);
        assert_eq!((slow.kind, slow.latency), (None, Duration::from_millis(5)));
        assert_eq!(plan.remaining(), 0);
        assert_eq!(plan.take(), None);
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
        assert_eq!(
            first(r#"{"http_status":401}"#).kind,
            Some(FaultKind::ErrorBefore)
        );
        let problem = first(r#"{"error_body":"problem"}"#);
        assert_eq!(problem.kind, Some(FaultKind::ErrorBefore));
        assert_eq!(problem.modifiers(), ["problem_body"]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(
            plan(r#"{"http_status":201}"#).err(),
            Some(FaultError::NotAnError(201))
        );
        for unused in [
            r#"{"http_status":500,"fault":"reset_after"}"#,
            r#"{"error_body":"html","fault":"stall_after"}"#,
        ] {
            assert_eq!(plan(unused).err(), Some(FaultError::ErrorUnused));
        }
        assert!(serde_json::from_str::<PlannedFault>(r#"{"fault":"explode"}"#).is_err());
        assert!(serde_json::from_str::<PlannedFault>(r#"{"counts":1}"#).is_err());
    }
}
