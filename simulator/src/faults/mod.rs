//! What goes wrong with creates: as planned for the next ones ([`plan`]), or by chance ([`chances`]).

pub(crate) mod chances;
pub(crate) mod plan;

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// What happens to one create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What goes wrong; `None` is at most slow.
    pub(crate) kind: Option<FaultKind>,
    /// The answer is held back this long; a message is accepted before the wait.
    pub(crate) latency: Duration,
    /// The body of the answer takes this long, byte by byte.
    pub(crate) body_time: Duration,
    /// How an error is written.
    pub(crate) error_body: ErrorBody,
    /// The error of `error_before` and `error_after`.
    error: Option<ApiError>,
}

/// A way a create can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// An error; nothing was accepted.
    ErrorBefore,
    /// The message is accepted, and the answer is an error all the same.
    ErrorAfter,
    /// The TCP connection is reset; nothing was accepted.
    ResetBefore,
    /// The message is accepted, then the TCP connection is reset.
    ResetAfter,
    /// The message is accepted, and the connection is reset in the middle of the 201.
    ResetMidAnswer,
    /// Nothing is accepted, and no answer ever comes.
    StallBefore,
    /// The message is accepted, and no answer ever comes.
    StallAfter,
    /// A gateway's HTML page with status 502; nothing was accepted.
    #[serde(rename = "html_502")]
    Html502,
    /// The message is accepted, and the 201 has a body that is no JSON.
    #[serde(rename = "unreadable_201")]
    Unreadable201,
}

/// How an error is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ErrorBody {
    /// `{"code","message","more_info","status"}`.
    #[default]
    Twilio,
    /// RFC 9457, as Twilio's newer products do.
    Problem,
    /// A gateway's page.
    Html,
    /// Nothing but the status.
    Empty,
}

impl FaultKind {
    /// Whether it strikes before a message is accepted.
    pub(crate) const fn is_before(self) -> bool {
        matches!(
            self,
            Self::ErrorBefore | Self::ResetBefore | Self::StallBefore | Self::Html502
        )
    }

    /// Whether it answers with an error, which can be chosen.
    const fn has_error(self) -> bool {
        matches!(self, Self::ErrorBefore | Self::ErrorAfter)
    }
}

impl Fault {
    /// The error of `error_before` and `error_after`: 500 with code 20500 unless another was planned.
    pub(crate) fn error(&self) -> ApiError {
        self.error
            .clone()
            .unwrap_or_else(|| ApiError::of_code_with(StatusCode::INTERNAL_SERVER_ERROR, 20500))
    }

    /// What else is unusual about the answer, in the words of the fault list.
    pub(crate) fn modifiers(&self) -> Vec<&'static str> {
        let mut words = Vec::new();
        let writes_error = self.kind.is_some_and(FaultKind::has_error);
        if !self.latency.is_zero() {
            words.push("slow_answer");
        }
        if !self.body_time.is_zero() {
            words.push("slow_body");
        }
        if writes_error && self.error_body == ErrorBody::Problem {
            words.push("problem_body");
        }
        words
    }
}
