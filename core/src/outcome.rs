//! What one create request to Twilio came to.

use crate::catalogue::{self, Retry};
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
/// * 2xx: [`Outcome::Accepted`]. The caller turns a 2xx whose body it cannot read into [`Outcome::Unknown`].
/// * 401, 404 and 429: [`Outcome::NotSent`], refused before the text was looked at (404 on a create means that the
///   account or the address is wrong, never the text).
/// * Other 4xx: [`Outcome::Rejected`]; but [`Outcome::NotSent`] when the catalogue says that the code stops a sender, a
///   country or the account, because then nothing is wrong with the text.
/// * Everything else, 5xx above all: [`Outcome::Unknown`]. A create that fails inside Twilio may have been carried out
///   (<https://www.twilio.com/docs/api/errors/20500>).
pub fn classify_response(http_status: u16, code: Option<i32>) -> Outcome {
    let stops = || {
        code.and_then(catalogue::lookup)
            .is_some_and(|entry| entry.retry == Retry::Stop)
    };
    match http_status {
        200..=299 => Outcome::Accepted,
        401 | 404 | 429 => Outcome::NotSent,
        400..=499 if stops() => Outcome::NotSent,
        400..=499 => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_first() {
        for (http_status, code, expected) in [
            (201, None, Outcome::Accepted),
            (200, Some(21610), Outcome::Accepted),
            (401, Some(20003), Outcome::NotSent),
            (401, None, Outcome::NotSent),
            (429, Some(20429), Outcome::NotSent),
            (429, Some(21611), Outcome::NotSent),
            (400, Some(21610), Outcome::Rejected),
            (400, Some(21211), Outcome::Rejected),
            (400, None, Outcome::Rejected),
            (404, Some(20404), Outcome::NotSent),
            (422, Some(1), Outcome::Rejected),
            (400, Some(21606), Outcome::NotSent),
            (400, Some(21408), Outcome::NotSent),
            (403, Some(20008), Outcome::NotSent),
            (500, Some(20500), Outcome::Unknown),
            (502, None, Outcome::Unknown),
            (503, Some(20003), Outcome::Unknown),
            (301, None, Outcome::Unknown),
            (100, None, Outcome::Unknown),
            (0, None, Outcome::Unknown),
            (600, None, Outcome::Unknown),
        ] {
            assert_eq!(
                classify_response(http_status, code),
                expected,
                "{http_status} {code:?}"
            );
        }
    }

    #[test]
    fn a_stopping_code_never_blames_the_text() {
        for entry in catalogue::all() {
            let stops = entry.retry == Retry::Stop;
            assert_eq!(
                classify_response(400, Some(entry.code)) == Outcome::NotSent,
                stops,
                "{entry:?}"
            );
        }
    }
}
