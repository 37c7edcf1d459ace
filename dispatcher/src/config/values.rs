//! Reading single values: numbers, SIDs, tokens, senders, URLs. Each refusal says what is wrong and what to do.

use herald_core::phone;
use reqwest::Url;

use super::Secret;

/// What is wrong with a value, and what to do.
pub(super) type Refusal = (String, String);

/// A refusal from two fixed texts.
pub(super) fn refuse(what: &str, fix: &str) -> Refusal {
    (what.to_owned(), fix.to_owned())
}

/// A whole number in this range.
pub(super) fn number(text: &str, minimum: u64, maximum: u64) -> Result<u64, Refusal> {
    let fix = || format!("use a whole number from {minimum} to {maximum}");
    match text.parse::<u64>() {
        Ok(number) if (minimum..=maximum).contains(&number) => Ok(number),
        Ok(_) => Err(("is out of range".to_owned(), fix())),
        Err(_) => Err(("is no whole number".to_owned(), fix())),
    }
}

/// A Twilio id: the prefix and 32 hexadecimal digits.
pub(super) fn sid(prefix: &str, text: &str) -> Result<String, Refusal> {
    match text.strip_prefix(prefix) {
        Some(rest) if rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(text.to_owned())
        }
        _ => Err((
            format!("is not {prefix} followed by 32 hexadecimal digits"),
            "copy it from the Twilio console".to_owned(),
        )),
    }
}

/// Auth tokens, separated by commas; at least one.
pub(super) fn tokens(text: &str) -> Result<Vec<Secret>, Refusal> {
    let tokens: Vec<Secret> = text
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .map(Secret::new)
        .collect();
    if tokens.is_empty() {
        return Err(refuse(
            "holds no token",
            "copy the auth token from the Twilio console",
        ));
    }
    Ok(tokens)
}

/// Who sends.
/// <https://www.twilio.com/docs/messaging/api/message-resource>: E.164, short code, or up to 11 letters and digits.
pub(super) fn from_address(text: &str) -> Result<String, Refusal> {
    let is_short_code = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_sender_id = (1..=11).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
        && text.bytes().any(|b| b.is_ascii_alphabetic());
    if phone::is_e164(text) || is_short_code || is_sender_id {
        return Ok(text.to_owned());
    }
    Err(refuse(
        "is no sender",
        "use a number like +15005550006, a short code or a sender ID of at most 11 letters and digits",
    ))
}

/// Whether the host of the URL is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn http_url(text: &str) -> Result<Url, Refusal> {
    let url = Url::parse(text).map_err(|error| {
        (
            format!("is no URL: {error}"),
            "write it as https://herald.example.org".to_owned(),
        )
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse(
            "is no http or https URL",
            "write it as https://herald.example.org",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(
            "has a query or a fragment",
            "end it before the ? or #",
        ));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(refuse(
            "is not encrypted and not on this machine",
            "use https; plain http is for 127.0.0.1 and localhost only",
        ));
    }
    Ok(url)
}

/// The base URL for webhooks, without a trailing `/`.
/// Kept as written, because Twilio signs the URL as configured, upper and lower case included.
pub(super) fn public_url(text: &str) -> Result<String, Refusal> {
    let url = http_url(text)?;
    if url.host_str().is_some_and(|host| host.contains('_')) {
        return Err(refuse(
            "has an underscore in its host name, which Twilio refuses (error 21609)",
            "use a host name without underscore",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Scheme, host and port of Twilio's API.
pub(super) fn api_base_url(text: &str) -> Result<Url, Refusal> {
    let url = http_url(text)?;
    if url.path() != "/" || !url.username().is_empty() {
        return Err(refuse(
            "is more than scheme, host and port",
            "write it as https://api.twilio.com",
        ));
    }
    Ok(url)
}

/// Verify's API beside this one: `verify.…` for Twilio's `api.…`, edges and regions included; anything else, such as a
/// simulator, has both.
pub(super) fn verify_beside(api: &Url) -> Url {
    let mut url = api.clone();
    let host = api.host_str().and_then(|host| host.strip_prefix("api."));
    if let Some(rest) = host.filter(|rest| *rest == "twilio.com" || rest.ends_with(".twilio.com")) {
        // A host that was one stays one with another first label.
        let _same = url.set_host(Some(&format!("verify.{rest}")));
    }
    url
}
