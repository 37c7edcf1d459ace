//! A message as Twilio's API shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::status::{Direction, TwilioStatus};
use crate::store::Message;

/// Price of one segment in US dollars.
const SEGMENT_PRICE: f64 = 0.0075;

/// The JSON of a message; every field is there, unknown ones as `null`.
#[derive(Debug, Serialize)]
pub(crate) struct MessageResource {
    account_sid: String,
    api_version: &'static str,
    body: String,
    date_created: String,
    date_sent: Option<String>,
    date_updated: String,
    direction: Direction,
    error_code: Option<i32>,
    error_message: Option<&'static str>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    num_media: String,
    num_segments: String,
    price: Option<String>,
    price_unit: &'static str,
    sid: String,
    status: TwilioStatus,
    subresource_uris: SubresourceUris,
    to: String,
    uri: String,
}

#[derive(Debug, Serialize)]
struct SubresourceUris {
    media: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<String>,
}

impl MessageResource {
    /// The message as the account sees it now.
    pub(crate) fn new(message: &Message, account_sid: &str) -> Self {
        let path = format!(
            "/2010-04-01/Accounts/{account_sid}/Messages/{}",
            message.sid
        );
        // Only a sender decides how a text is cut: a Messaging Service answers "0" until it has picked one.
        let segments = message.from.as_ref().map_or(0, |_| message.segments);
        Self {
            account_sid: account_sid.to_owned(),
            api_version: "2010-04-01",
            body: shown_body(message).to_owned(),
            date_created: rfc2822(message.received_at),
            date_sent: message.date_sent.map(rfc2822),
            date_updated: rfc2822(message.date_updated),
            direction: message.direction,
            error_code: message.error_code,
            error_message: message.error_code.and_then(error_message),
            from: message.from.clone(),
            messaging_service_sid: message.messaging_service_sid.clone(),
            num_media: message.num_media.to_string(),
            num_segments: segments.to_string(),
            price: price(message.status, segments),
            price_unit: "USD",
            sid: message.sid.clone(),
            status: message.status,
            subresource_uris: SubresourceUris {
                media: format!("{path}/Media.json"),
                feedback: message
                    .params
                    .flag("ProvideFeedback")
                    .then(|| format!("{path}/Feedback.json")),
            },
            to: shown_recipient(message),
            uri: format!("{path}.json"),
        }
    }
}

/// With `ContentRetention=discard`, Twilio keeps no text.
fn shown_body(message: &Message) -> &str {
    if message.params.value("ContentRetention") == Some("discard") {
        return "";
    }
    &message.body
}

/// With `AddressRetention=obfuscate`, the last four digits of the recipient are hidden.
fn shown_recipient(message: &Message) -> String {
    let to = &message.to;
    if message.params.value("AddressRetention") != Some("obfuscate") {
        return to.clone();
    }
    let hidden = to.char_indices().rev().nth(3).map_or(0, |(place, _)| place);
    format!("{}XXXX", &to[..hidden])
}

/// A price is known once a carrier has given a receipt.
fn price(status: TwilioStatus, segments: usize) -> Option<String> {
    let is_charged = matches!(
        status,
        TwilioStatus::Delivered | TwilioStatus::Undelivered | TwilioStatus::Read
    );
    is_charged.then(|| format!("-{:.5}", SEGMENT_PRICE * segments as f64))
}

fn error_message(code: i32) -> Option<&'static str> {
    herald_core::catalogue::lookup(code).map(|entry| entry.meaning)
}

/// Twilio writes `Sun, 22 Nov 2026 09:05:00 +0000`, always in UTC and with a two-digit day.
fn rfc2822(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_two_digit_days_and_a_numeric_zone() {
        let time = "2026-11-02T09:05:00.7Z".parse().unwrap();
        assert_eq!(rfc2822(time), "Mon, 02 Nov 2026 09:05:00 +0000");
        assert!(DateTime::parse_from_rfc2822(&rfc2822(time)).is_ok());
    }

    #[test]
    fn a_price_comes_with_the_receipt_and_counts_segments() {
        assert_eq!(price(TwilioStatus::Sent, 1), None);
        assert_eq!(price(TwilioStatus::Failed, 1), None);
        assert_eq!(
            price(TwilioStatus::Delivered, 1).as_deref(),
            Some("-0.00750")
        );
        assert_eq!(
            price(TwilioStatus::Undelivered, 2).as_deref(),
            Some("-0.01500")
        );
    }
}
