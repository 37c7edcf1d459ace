//! The rule table: which numbers Verify refuses, and how.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::error::ApiError;

/// What happens to one number, or to all that begin alike.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// A pattern for the number: `*` stands for any digits, `?` for one.
    to: String,
    /// Which request is refused.
    #[serde(default)]
    on: Step,
    /// A refusal by name; it stands for a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// A refusal by its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    /// Another HTTP status than the one of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// How many requests are still refused; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

/// A request that can be refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// Sending a code, for the first time or again.
    #[default]
    Start,
    /// Checking a code.
    Check,
}

/// A refusal by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The number is a landline.
    Landline,
    /// Its prefix is blocked by Fraud Guard.
    Blocked,
    /// Twilio blocks the creation.
    Refused,
    /// Its country is switched off.
    Country,
    /// Its country needs vetting.
    Vetting,
    /// Another start is under way.
    Concurrent,
    /// The service's own rate limit.
    RateLimit,
    /// Twilio fails.
    Failure,
    /// Twilio is not available.
    Unavailable,
}

/// Why a rule makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    /// Neither or both.
    #[error("rule for {0}: give either outcome or code")]
    OutcomeOrCode(String),
    /// Not an error status.
    #[error("rule for {0}: http_status {1} is no error; use 400 to 599, or leave it out")]
    NotAnError(String, u16),
}

/// Rules in order; the first that fits decides.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// A table of these rules.
    pub(super) fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        for rule in &rules {
            rule.refusal()?;
        }
        Ok(Self(rules))
    }

    /// The refusal of this request, which uses up the rule's count; `None` when no rule fits.
    pub(super) fn take(&mut self, step: Step, to: &str) -> Option<ApiError> {
        let fits = |rule: &&mut Rule| rule.on == step && rule.count != Some(0) && rule.matches(to);
        let rule = self.0.iter_mut().find(fits)?;
        if let Some(count) = &mut rule.count {
            *count -= 1;
        }
        rule.refusal().ok()
    }
}

impl Rule {
    fn matches(&self, to: &str) -> bool {
        WildMatch::new(&self.to).matches(to)
    }

    fn refusal(&self) -> Result<ApiError, RuleError> {
        let code = match (self.outcome, self.code) {
            (Some(outcome), None) => outcome.code(),
            (None, Some(code)) => code,
            _ => return Err(RuleError::OutcomeOrCode(self.to.clone())),
        };
        let Some(number) = self.http_status else {
            return Ok(ApiError::of_code(code));
        };
        let status = StatusCode::from_u16(number)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .ok_or_else(|| RuleError::NotAnError(self.to.clone(), number))?;
        Ok(ApiError::of_code_with(status, code))
    }
}

impl Outcome {
    const fn code(self) -> i32 {
        match self {
            Self::Landline => 60205,
            Self::Blocked => 60410,
            Self::Refused => 60238,
            Self::Country => 60605,
            Self::Vetting => 60220,
            Self::Concurrent => 60212,
            Self::RateLimit => 20429,
            Self::Failure => 20500,
            Self::Unavailable => 20503,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Result<Rules, RuleError> {
        Rules::new(serde_json::from_str(json).unwrap())
    }

    fn taken(rules: &mut Rules, step: Step, to: &str) -> Option<(u16, i32)> {
        let error = rules.take(step, to)?;
        Some((error.status.as_u16(), error.code))
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let mut rules = rules(
            r#"[{"to":"+14155550101","outcome":"landline"},{"to":"+1415*","code":60410},
                {"to":"+1*","outcome":"unavailable"}]"#,
        )
        .unwrap();
        let mut start = |to| taken(&mut rules, Step::Start, to);
        assert_eq!(start("+14155550101"), Some((403, 60205)));
        assert_eq!(start("+14155550102"), Some((403, 60410)));
        assert_eq!(start("+15005550006"), Some((503, 20503)));
        assert_eq!(start("+4915112345678"), None);
        assert_eq!(taken(&mut rules, Step::Check, "+14155550101"), None);
    }

    #[test]
    fn a_count_is_used_up() {
        let mut rules =
            rules(r#"[{"to":"*","on":"check","code":20500,"http_status":502,"count":1}]"#).unwrap();
        let mut check = || taken(&mut rules, Step::Check, "+14155550101");
        assert_eq!(check(), Some((502, 20500)));
        assert_eq!(check(), None);
    }

    #[test]
    fn every_outcome_has_a_code_of_the_catalogue() {
        for word in [
            "landline",
            "blocked",
            "refused",
            "country",
            "vetting",
            "concurrent",
            "rate_limit",
            "failure",
            "unavailable",
        ] {
            let outcome: Outcome = serde_json::from_value(word.into()).unwrap();
            assert!(
                herald_core::catalogue::lookup(outcome.code()).is_some(),
                "{word}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            r#"[{"to":"*"}]"#,
            r#"[{"to":"*","code":60205,"outcome":"landline"}]"#,
            r#"[{"to":"*","code":60205,"http_status":200}]"#,
        ] {
            assert!(rules(wrong).is_err(), "{wrong}");
        }
    }
}
