//! The parameters of a start, checked in Twilio's way.

use serde_json::{Map, Value};

use super::channel::Channel;
use super::refusal::invalid;
use super::settings::VerifySettings;
use crate::error::ApiError;
use crate::form::Form;

/// Length of a code that the account brings itself.
const CUSTOM_CODE_LENGTH: std::ops::RangeInclusive<usize> = 4..=10;

const MAX_FRIENDLY_NAME: usize = 32;

/// A start that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewVerification {
    /// E.164, or a mail address.
    pub(super) to: String,
    /// How the code travels.
    pub(super) channel: Channel,
    /// The code, when the account makes it.
    pub(super) custom_code: Option<String>,
}

impl NewVerification {
    /// Reads a form. Errors: 60200 names the parameter, 60204 a feature and 60223 a channel that the service has not.
    pub(super) fn read(form: &Form, settings: &VerifySettings) -> Result<Self, ApiError> {
        let required = |name| form.filled(name).ok_or_else(|| invalid(name, "missing"));
        let to = required("To")?;
        let channel = required("Channel")?;
        let channel: Channel = channel.parse().map_err(|()| invalid("Channel", channel))?;
        if !channel.reaches(to) {
            return Err(invalid("To", to));
        }
        if !settings.channels.contains(&channel) {
            return Err(ApiError::of_code(60223));
        }
        if let Some(name) = form.filled("CustomFriendlyName")
            && name.chars().count() > MAX_FRIENDLY_NAME
        {
            return Err(invalid("CustomFriendlyName", name));
        }
        if let Some(limits) = form.filled("RateLimits")
            && serde_json::from_str::<Map<String, Value>>(limits).is_err()
        {
            return Err(invalid("RateLimits", limits));
        }
        Ok(Self {
            to: to.to_owned(),
            channel,
            custom_code: custom_code(form, settings)?,
        })
    }
}

fn custom_code(form: &Form, settings: &VerifySettings) -> Result<Option<String>, ApiError> {
    let Some(code) = form.filled("CustomCode") else {
        return Ok(None);
    };
    if !settings.custom_code {
        return Err(ApiError::of_code(60204));
    }
    let is_well_formed = CUSTOM_CODE_LENGTH.contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_well_formed {
        return Err(invalid("CustomCode", code));
    }
    Ok(Some(code.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(form: &str, settings: &VerifySettings) -> Option<i32> {
        let read = NewVerification::read(&Form::parse(form.as_bytes()), settings);
        read.err().map(|error| error.code)
    }

    #[test]
    fn recipient_and_channel_are_needed_and_belong_together() {
        let settings = VerifySettings::default();
        let code = |form| code(form, &settings);
        assert_eq!(code("To=%2B14155550100&Channel=sms"), None);
        assert_eq!(code("To=a%40example.org&Channel=email"), None);
        for wrong in [
            "Channel=sms",
            "To=%2B14155550100",
            "To=%2B14155550100&Channel=pigeon",
            "To=4155550100&Channel=sms",
            "To=%2B14155550100&Channel=email",
            "To=%2B14155550100&Channel=sms&RateLimits=5",
            "To=%2B14155550100&Channel=sms&CustomFriendlyName=123456789012345678901234567890123",
        ] {
            assert_eq!(code(wrong), Some(60200), "{wrong}");
        }
        assert_eq!(code("To=%2B14155550100&Channel=sna"), Some(60223));
    }

    #[test]
    fn custom_codes_are_a_feature_of_the_service() {
        let form = "To=%2B14155550100&Channel=sms&CustomCode=";
        let mut settings = VerifySettings::default();
        assert_eq!(code(&format!("{form}1234"), &settings), Some(60204));
        settings.custom_code = true;
        assert_eq!(code(&format!("{form}1234"), &settings), None);
        assert_eq!(code(&format!("{form}123"), &settings), Some(60200));
        assert_eq!(code(&format!("{form}12345678901"), &settings), Some(60200));
    }
}
