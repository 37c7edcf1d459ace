//! Rules: what happens to messages to certain numbers, from certain senders or with certain texts.

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::error::ApiError;
use crate::messages::new_message::NewMessage;
use crate::status::TwilioStatus;

/// The rules in order; the first that matches a message decides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(Vec<Entry>);

/// One rule as it is posted. A pattern that is absent matches everything; `*` stands for any text, `?` for one character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(crate) struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Refuses the create.
    #[serde(skip_serializing_if = "Option::is_none")]
    refuse: Option<Refusal>,
    /// The statuses that follow the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<PathStep>>,
    /// Error code of the `failed` and `undelivered` steps that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i32>,
    /// How often it applies; absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
}

/// A rule that may make no sense.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    to: Option<String>,
    from: Option<String>,
    body: Option<String>,
    refuse: Option<Refusal>,
    path: Option<Vec<PathStep>>,
    error_code: Option<i32>,
    times: Option<u64>,
}

/// A refusal; the status is the one that goes with the code unless given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
}

/// A status, alone or with its delay and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum PathStep {
    Status(TwilioStatus),
    Full(FullStep),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullStep {
    status: TwilioStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
}

/// One step of a path a rule prescribes; what is `None` is as without the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleStep {
    pub(crate) status: TwilioStatus,
    pub(crate) error_code: Option<i32>,
    pub(crate) after: Option<Duration>,
}

/// What a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The create is refused.
    Refuse(ApiError),
    /// It is accepted and takes this path.
    Path(Vec<RuleStep>),
}

/// A rule and how often it was applied, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    rule: Rule,
    applied: u64,
}

/// A rule that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleError {
    /// Neither or both.
    #[error("a rule needs either refuse or path")]
    Either,
    /// Not an error status.
    #[error("http_status {0} is no error: use 400 to 599, or leave it out")]
    NotAnError(u16),
}

impl Rules {
    /// Rules that were not applied yet.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let entries = rules.into_iter().map(|rule| Entry { rule, applied: 0 });
        Self(entries.collect())
    }

    /// Puts one more at the end.
    pub(crate) fn add(&mut self, rule: Rule) {
        self.0.push(Entry { rule, applied: 0 });
    }

    /// All of them, in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What the first rule that matches decides; it counts as applied.
    pub(crate) fn decide(&mut self, message: &NewMessage) -> Option<Decision> {
        let entry = self.0.iter_mut().find(|entry| entry.applies_to(message))?;
        entry.applied += 1;
        Some(entry.rule.decision())
    }
}

impl Entry {
    fn applies_to(&self, message: &NewMessage) -> bool {
        let is_left = self.rule.times.is_none_or(|times| self.applied < times);
        is_left
            && matches(&self.rule.to, &message.to)
            && matches(&self.rule.from, message.sender_or_service())
            && matches(&self.rule.body, &message.body)
    }
}

impl TryFrom<Unchecked> for Rule {
    type Error = RuleError;

    fn try_from(rule: Unchecked) -> Result<Self, RuleError> {
        if rule.refuse.is_some() == rule.path.is_some() {
            return Err(RuleError::Either);
        }
        match rule.refuse.and_then(|refusal| refusal.http_status) {
            Some(status) if !(400..=599).contains(&status) => Err(RuleError::NotAnError(status)),
            _ => Ok(Self {
                to: rule.to,
                from: rule.from,
                body: rule.body,
                refuse: rule.refuse,
                path: rule.path,
                error_code: rule.error_code,
                times: rule.times,
            }),
        }
    }
}

impl Rule {
    fn decision(&self) -> Decision {
        if let Some(refusal) = self.refuse {
            let status = refusal
                .http_status
                .and_then(|status| StatusCode::from_u16(status).ok());
            return Decision::Refuse(match status {
                Some(status) => ApiError::of_code_with(status, refusal.code),
                None => ApiError::of_code(refusal.code),
            });
        }
        let steps = self.path.iter().flatten().map(|step| {
            let step = match *step {
                PathStep::Status(status) => FullStep {
                    status,
                    error_code: None,
                    after_ms: None,
                },
                PathStep::Full(step) => step,
            };
            let code_of_rule = self.error_code.filter(|_| step.status.is_error());
            RuleStep {
                status: step.status,
                error_code: step.error_code.or(code_of_rule),
                after: step.after_ms.map(Duration::from_millis),
            }
        });
        Decision::Path(steps.collect())
    }
}

fn matches(pattern: &Option<String>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_none_or(|pattern| WildMatch::new(pattern).matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Rules {
        Rules::new(serde_json::from_str(json).unwrap())
    }

    fn message() -> NewMessage {
        NewMessage::example("+14155550100", Some("+15005550006"))
    }

    fn refused_with(rules: &mut Rules) -> Option<i32> {
        match rules.decide(&message()) {
            Some(Decision::Refuse(error)) => Some(error.code),
            _ => None,
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_is_counted() {
        let mut rules = rules(
            r#"[{"to":"+1212*","refuse":{"code":1}},
                {"body":"*ell?","times":1,"refuse":{"code":21610}},
                {"to":"+1415555????","from":"+15005550006","refuse":{"code":21611}},
                {"refuse":{"code":2}}]"#,
        );
        assert_eq!(refused_with(&mut rules), Some(21610));
        assert_eq!(refused_with(&mut rules), Some(21611));
        let shown = serde_json::to_value(rules.entries()).unwrap();
        let applied = shown.as_array().unwrap().iter();
        let applied: Vec<_> = applied
            .map(|rule| rule["applied"].as_u64().unwrap())
            .collect();
        assert_eq!(applied, [0, 1, 1, 0]);
        assert_eq!(shown[1]["body"], "*ell?");
    }

    #[test]
    fn no_rule_no_decision() {
        let mut rules = rules(r#"[{"to":"+44*","path":["sent"]}]"#);
        assert_eq!(rules.decide(&message()), None);
    }

    #[test]
    fn a_path_takes_words_or_steps_with_delays_and_codes() {
        let mut rules = rules(
            r#"[{"error_code":30003,"path":["sending",{"status":"sent","after_ms":5},"undelivered",
                {"status":"delivered","after_ms":7}]}]"#,
        );
        let step = |status, error_code, after: Option<u64>| RuleStep {
            status,
            error_code,
            after: after.map(Duration::from_millis),
        };
        let expected = vec![
            step(TwilioStatus::Sending, None, None),
            step(TwilioStatus::Sent, None, Some(5)),
            step(TwilioStatus::Undelivered, Some(30003), None),
            step(TwilioStatus::Delivered, None, Some(7)),
        ];
        assert_eq!(rules.decide(&message()), Some(Decision::Path(expected)));
    }

    #[test]
    fn a_refusal_may_have_a_status_of_its_own() {
        let mut rules = rules(r#"[{"refuse":{"code":20503,"http_status":500}}]"#);
        let Some(Decision::Refuse(error)) = rules.decide(&message()) else {
            panic!("not refused");
        };
        assert_eq!((error.status.as_u16(), error.code), (500, 20503));
    }

    #[test]
    fn rules_without_sense_are_refused() {
        for (wrong, message) in [
            ("{}", "either refuse or path"),
            (
                r#"{"refuse":{"code":1},"path":[]}"#,
                "either refuse or path",
            ),
            (
                r#"{"refuse":{"code":1,"http_status":200}}"#,
                "200 is no error",
            ),
            (r#"{"number":"1"}"#, "unknown field"),
            (r#"{"path":["lost"]}"#, ""),
        ] {
            let error = serde_json::from_str::<Rule>(wrong).unwrap_err();
            assert!(error.to_string().contains(message), "{wrong}: {error}");
        }
    }
}
