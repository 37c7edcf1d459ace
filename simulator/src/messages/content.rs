//! What is sent: text, media or a content template.

use herald_core::segments::{MAX_BODY_CHARACTERS, body_characters, smart_encode};
use reqwest::Url;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::is_sid;

const MAX_MEDIA: usize = 10;

/// Checks text, media and template.
pub(super) fn check(form: &Form) -> Result<(), ApiError> {
    let units = body_characters(form.value("Body").unwrap_or_default());
    if units > MAX_BODY_CHARACTERS {
        let message = format!("'Body' has {units} characters; the limit is {MAX_BODY_CHARACTERS}");
        return Err(ApiError::bad_request(21617, message));
    }
    check_media(form)?;
    check_template(form)
}

/// The text as it is sent.
pub(super) fn body(form: &Form) -> String {
    let body = form.value("Body").unwrap_or_default();
    if form.flag("SmartEncoded") {
        return smart_encode(body).into_owned();
    }
    body.to_owned()
}

fn check_media(form: &Form) -> Result<(), ApiError> {
    let count = form.values("MediaUrl").count();
    if count > MAX_MEDIA {
        let message = format!("{count} media URLs; the limit is {MAX_MEDIA}");
        return Err(ApiError::bad_request(21623, message));
    }
    let is_url = |text: &str| {
        Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    match form.values("MediaUrl").find(|text| !is_url(text)) {
        Some(text) => Err(ApiError::bad_request(
            21620,
            format!("'MediaUrl' {text} is not a valid URL"),
        )),
        None => Ok(()),
    }
}

fn check_template(form: &Form) -> Result<(), ApiError> {
    let sid = form.filled("ContentSid");
    if let Some(sid) = sid.filter(|sid| !is_sid("HX", sid)) {
        let message = format!("'ContentSid' {sid} is not valid");
        return Err(ApiError::bad_request(21655, message));
    }
    let Some(variables) = form.filled("ContentVariables") else {
        return Ok(());
    };
    if sid.is_none() {
        let message = "'ContentVariables' need a 'ContentSid'";
        return Err(ApiError::bad_request(21654, message));
    }
    if serde_json::from_str::<Map<String, Value>>(variables).is_err() {
        let message = "'ContentVariables' is not a JSON object";
        return Err(ApiError::bad_request(21656, message));
    }
    Ok(())
}
