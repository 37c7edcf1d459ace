//! The smaller parameters of a create: periods, switches and words out of a list.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::callback_target::CallbackTarget;
use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::is_sid;

const VALIDITY_SECONDS: RangeInclusive<u64> = 1..=36_000;

/// `ValidityPeriod` when none is given: the longest.
const DEFAULT_VALIDITY: Duration = Duration::from_secs(*VALIDITY_SECONDS.end());

/// Parameters with a fixed set of values.
const WORDS: [(&str, &[&str]); 10] = [
    ("ProvideFeedback", &["true", "false"]),
    ("ForceDelivery", &["true", "false"]),
    ("SmartEncoded", &["true", "false"]),
    ("ShortenUrls", &["true", "false"]),
    ("SendAsMms", &["true", "false"]),
    ("RiskCheck", &["enable", "disable"]),
    ("ContentRetention", &["retain", "discard"]),
    ("AddressRetention", &["retain", "obfuscate"]),
    ("TrafficType", &["free"]),
    ("ScheduleType", &["fixed"]),
];

/// How long the message may wait.
pub(super) fn validity(form: &Form) -> Result<Duration, ApiError> {
    let Some(text) = form.filled("ValidityPeriod") else {
        return Ok(DEFAULT_VALIDITY);
    };
    match text.parse() {
        Ok(seconds) if VALIDITY_SECONDS.contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(ApiError::bad_request(
            21624,
            format!("'ValidityPeriod' {text} is not between 1 and 36000 seconds"),
        )),
    }
}

/// Where status changes are reported.
pub(super) fn callback(form: &Form) -> Result<Option<CallbackTarget>, ApiError> {
    let Some(url) = form.filled("StatusCallback") else {
        return Ok(None);
    };
    let target = CallbackTarget::parse(url).ok_or_else(|| {
        ApiError::bad_request(21609, format!("'StatusCallback' {url} is not a valid URL"))
    })?;
    Ok(Some(target))
}

/// Checks the parameters that change nothing here, or only how a message is shown.
pub(super) fn check(form: &Form) -> Result<(), ApiError> {
    for (name, words) in WORDS {
        let value = form.filled(name);
        // Clients write `True`, too.
        if let Some(value) = value.filter(|value| !words.contains(&&*value.to_ascii_lowercase())) {
            return Err(invalid(name, value));
        }
    }
    if let Some(value) = form.filled("MaxPrice")
        && value.parse::<f64>().is_err()
    {
        let message = format!("'MaxPrice' {value} is not a number");
        return Err(ApiError::bad_request(21627, message));
    }
    if let Some(value) = form.filled("Attempt")
        && value.parse::<u32>().is_err()
    {
        return Err(invalid("Attempt", value));
    }
    match form.filled("ApplicationSid") {
        Some(sid) if !is_sid("AP", sid) => Err(invalid("ApplicationSid", sid)),
        _ => Ok(()),
    }
}

fn invalid(name: &str, value: &str) -> ApiError {
    ApiError::bad_request(20422, format!("'{name}' {value} is not valid"))
}
