//! What one create request to Twilio came to.

use crate::catalogue::{self, Retry, Surface};
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
/// * 4xx but 408: as the code's rule says ([`catalogue::rule`]): [`Outcome::Rejected`] if the attempt counts, because
///   something is wrong with the text; [`Outcome::NotSent`] if it does not, because something is wrong with the sender,
///   the country, the account or the pace (401, 404 and 429 without a code are of that kind);
///   [`Outcome::Unknown`] if the rule is to find out first.
/// * Everything else, 5xx above all: [`Outcome::Unknown`]. A create that fails inside Twilio may have been carried out
///   (<https://www.twilio.com/docs/api/errors/20500>).
pub fn classify_response(http_status: u16, code: Option<i32>) -> Outcome {
    match http_status {
        200..=299 => Outcome::Accepted,
        400..=407 | 409..=499 => {
            let rule = catalogue::rule(Surface::Request, Some(http_status), code);
            match rule.retry {
                Retry::Reconcile => Outcome::Unknown,
                Retry::NotApplicable => Outcome::Rejected,
                _ if rule.counts_attempt => Outcome::Rejected,
                _ => Outcome::NotSent,
            }
        }
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
            (404, None, Outcome::NotSent),
            (403, None, Outcome::NotSent),
            (407, None, Outcome::NotSent),
            (429, None, Outcome::NotSent),
            (429, Some(99999), Outcome::NotSent),
            (400, Some(99999), Outcome::Rejected),
            (413, None, Outcome::Rejected),
            (408, None, Outcome::Unknown),
            (400, Some(20429), Outcome::NotSent),
            (409, Some(20409), Outcome::Unknown),
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
    fn a_code_that_costs_no_attempt_never_blames_the_text() {
        for entry in catalogue::all() {
            let is_kept = !entry.counts_attempt && entry.retry != Retry::NotApplicable;
            assert_eq!(
                classify_response(400, Some(entry.code)) == Outcome::NotSent,
                is_kept,
                "{entry:?}"
            );
            if entry.retry == Retry::Stop {
                assert!(is_kept, "{entry:?}");
            }
        }
    }
}
