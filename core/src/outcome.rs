//! What one create request to Twilio came to.

use crate::words::words;

words! {
    /// Result of one send attempt (`sms_send_attempts.outcome`).
    Outcome ("outcome") {
        /// Twilio took the text.
        Accepted = "accepted",
        /// Twilio refused the text; its error code says whether another attempt makes sense.
        Rejected = "rejected",
        /// The text certainly did not go out and nothing is wrong with it: it waits and keeps its attempts.
        NotSent = "not_sent",
        /// The text may or may not have gone out: find out before anything else.
        Unknown = "unknown",
    }
}

/// Classifies the answer to a create request by its HTTP status and, if the body could be read, Twilio's error code.
///
/// 2xx is [`Outcome::Accepted`] (the caller turns a 2xx whose body it cannot read into [`Outcome::Unknown`]); 401 and
/// 429 are refused before processing, so [`Outcome::NotSent`]; any other 4xx is [`Outcome::Rejected`]. Everything else
/// (5xx, a redirect) is [`Outcome::Unknown`], because a create that
/// failed at Twilio may have been carried out (<https://www.twilio.com/docs/api/errors/20500>).
pub fn classify_response(http_status: u16, _code: Option<i32>) -> Outcome {
    match http_status {
        200..=299 => Outcome::Accepted,
        401 | 429 => Outcome::NotSent,
        400..=499 => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}
