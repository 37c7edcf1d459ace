//! What can be changed about Verify while the simulator runs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::channel::Channel;

/// The settings of all Verify services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifySettings {
    /// The code of every verification; `null`: a random one each.
    pub(super) code: Option<String>,
    /// Length of a random code.
    pub(super) code_length: u32,
    /// How long a code lives. Twilio: 10 minutes, 2 minutes to 24 hours by agreement.
    pub(super) ttl_seconds: u32,
    /// How often a code is sent before 60203.
    pub(super) max_sends: usize,
    /// How often a code may be checked before 60202.
    pub(super) max_checks: u32,
    /// How long a start takes; another one for the same number meanwhile is refused with 60212.
    pub(super) start_latency_ms: u64,
    /// The channels that are switched on; others are refused with 60223.
    pub(super) channels: Vec<Channel>,
    /// Whether `CustomCode` is allowed; otherwise 60204.
    pub(super) custom_code: bool,
    /// Whether answers show the carrier.
    pub(super) lookup: bool,
}

/// Why settings cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerifySettingsError {
    /// A key or a type is wrong.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// The code would be refused at its check.
    #[error("code must have 4 to 10 letters or digits, or be null")]
    Code,
    /// The random code would be refused at its check.
    #[error("code_length must be between 4 and 10")]
    CodeLength,
    /// Nothing could be verified.
    #[error("ttl_seconds must be between 1 and 86400")]
    Ttl,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self {
            code: None,
            code_length: 6,
            ttl_seconds: 600,
            max_sends: 5,
            max_checks: 5,
            start_latency_ms: 50,
            channels: vec![
                Channel::Sms,
                Channel::Call,
                Channel::Whatsapp,
                Channel::Email,
                Channel::Auto,
            ],
            custom_code: false,
            lookup: false,
        }
    }
}

impl VerifySettings {
    /// These settings with the keys of `patch` laid over them.
    pub(super) fn patched(
        &self,
        patch: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, VerifySettingsError> {
        let mut merged = serde_json::to_value(self)?;
        if let Some(object) = merged.as_object_mut() {
            object.extend(patch);
        }
        let settings: Self = serde_json::from_value(merged)?;
        if !settings.code.as_deref().is_none_or(is_code) {
            return Err(VerifySettingsError::Code);
        }
        if !(4..=10).contains(&settings.code_length) {
            return Err(VerifySettingsError::CodeLength);
        }
        if !(1..=86_400).contains(&settings.ttl_seconds) {
            return Err(VerifySettingsError::Ttl);
        }
        Ok(settings)
    }

    /// The code of the next verification: the fixed one, or random digits.
    pub(super) fn new_code(&self) -> String {
        let random = || {
            let length = self.code_length as usize;
            let number = Uuid::new_v4().as_u128() % 10_u128.pow(self.code_length);
            format!("{number:0length$}")
        };
        self.code.clone().unwrap_or_else(random)
    }
}

/// Whether `text` has the form of a code: 4 to 10 letters or digits.
pub(crate) fn is_code(text: &str) -> bool {
    (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(json: &str) -> Result<VerifySettings, String> {
        let patch = serde_json::from_str(json).unwrap();
        let settings = VerifySettings::default().patched(patch);
        settings.map_err(|error| error.to_string())
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let settings = patched(r#"{"code":"123456","channels":["call"]}"#).unwrap();
        assert_eq!(settings.new_code(), "123456");
        assert_eq!(settings.channels, [Channel::Call]);
        assert_eq!(settings.ttl_seconds, 600);
        let patch = serde_json::from_str(r#"{"code":null}"#).unwrap();
        assert_eq!(settings.patched(patch).unwrap().code, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            r#"{"codes":"123456"}"#,
            r#"{"code":"12"}"#,
            r#"{"code_length":3}"#,
            r#"{"ttl_seconds":0}"#,
            r#"{"channels":["fax"]}"#,
        ] {
            assert!(patched(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_codes_have_the_length_and_differ() {
        let settings = patched(r#"{"code_length":10}"#).unwrap();
        let codes: std::collections::HashSet<_> = (0..20).map(|_| settings.new_code()).collect();
        assert!(codes.len() > 1);
        assert!(
            codes
                .iter()
                .all(|code| code.len() == 10 && code.bytes().all(|b| b.is_ascii_digit()))
        );
    }
}
