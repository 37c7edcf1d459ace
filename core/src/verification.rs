//! What Twilio Verify's answers mean for a phone verification.
//!
//! Facts: <https://www.twilio.com/docs/verify/api/verification>, <https://www.twilio.com/docs/verify/api/verification-check>.

use crate::words::words;

words! {
    /// What is asked of Verify.
    Step ("verification step") {
        /// Send a code.
        Start = "start",
        /// Compare a code.
        Check = "check",
    }
}

words! {
    /// What an answer, or its absence, means.
    Verdict ("verdict") {
        /// A code was sent.
        Sent = "sent",
        /// The code was right.
        Approved = "approved",
        /// The code was wrong; it may be entered again.
        WrongCode = "wrong_code",
        /// There is no open verification any more: a new code is needed.
        Expired = "expired",
        /// The code was wrong too often; nothing helps until the verification ends by itself.
        TooManyChecks = "too_many_checks",
        /// Too many codes were sent to the number.
        TooManyStarts = "too_many_starts",
        /// A landline gets no texts.
        Landline = "landline",
        /// Verify takes it for no number.
        NumberInvalid = "number_invalid",
        /// The number's range is blocked for a while, as suspected of fraud.
        PrefixBlocked = "prefix_blocked",
        /// The account may not send to this country.
        CountryBlocked = "country_blocked",
        /// Busy, not reached, or nobody knows: a start may be asked again.
        Retry = "retry",
        /// Verify is out of order, or this account or service is: nothing about the person or the number.
        ServiceFailure = "service_failure",
    }
}

/// How often a start is asked again when no answer is to be had.
pub const START_TRIES: i32 = 4;

/// The meaning of a refusal: HTTP status and Twilio's error code.
pub fn refused(step: Step, http_status: u16, code: Option<i32>) -> Verdict {
    match (code, step) {
        (Some(60202), _) => Verdict::TooManyChecks,
        (Some(60203), _) => Verdict::TooManyStarts,
        (Some(60205), _) => Verdict::Landline,
        (Some(60410 | 60238 | 30450), _) => Verdict::PrefixBlocked,
        (Some(60605 | 60220 | 21408), _) => Verdict::CountryBlocked,
        (Some(60200 | 21211 | 21614 | 21265), Step::Start) => Verdict::NumberInvalid,
        // The code did not look like one.
        (Some(60200), Step::Check) => Verdict::WrongCode,
        (Some(60212), _) => Verdict::Retry,
        // Of a check: approved, expired or cancelled meanwhile. Of a start: there is no such service.
        (_, Step::Check) if http_status == 404 => Verdict::Expired,
        _ if http_status == 429 || http_status >= 500 => Verdict::Retry,
        _ => Verdict::ServiceFailure,
    }
}

/// The meaning of an answer with status 2xx, by its `status` field.
pub fn answered(step: Step, status: &str) -> Verdict {
    match (step, status) {
        (Step::Check, "approved") => Verdict::Approved,
        (Step::Start, "pending") => Verdict::Sent,
        (Step::Check, "pending") => Verdict::WrongCode,
        (_, "max_attempts_reached") => Verdict::TooManyChecks,
        (_, "expired" | "canceled" | "deleted") => Verdict::Expired,
        _ => Verdict::ServiceFailure,
    }
}

impl Verdict {
    /// What to do with it after that many tries of the step: once more in so many seconds, or `None`, it stands.
    ///
    /// A start may be repeated, also when nobody knows what became of it: Verify sends the same code again. A check may
    /// not: it counts against the person.
    pub fn again_in(self, step: Step, tries: i32) -> Option<i32> {
        let is_repeated = self == Verdict::Retry && step == Step::Start && tries < START_TRIES;
        is_repeated.then(|| 1 << (tries - 1).clamp(0, 3))
    }
}

/// Whether `code` can be a code: 4 to 10 digits.
pub fn is_code(code: &str) -> bool {
    (4..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn refusals_are_told_apart() {
        use Verdict::*;
        for (step, status, code, verdict) in [
            (Step::Start, 429, Some(60203), TooManyStarts),
            (Step::Start, 429, Some(60212), Retry),
            (Step::Start, 429, Some(20429), Retry),
            (Step::Start, 403, Some(60205), Landline),
            (Step::Start, 403, Some(60410), PrefixBlocked),
            (Step::Start, 429, Some(60410), PrefixBlocked),
            (Step::Start, 403, Some(60605), CountryBlocked),
            (Step::Start, 400, Some(60200), NumberInvalid),
            (Step::Start, 404, Some(20404), ServiceFailure),
            (Step::Start, 401, Some(20003), ServiceFailure),
            (Step::Start, 500, None, Retry),
            (Step::Start, 503, Some(20503), Retry),
            (Step::Check, 404, Some(20404), Expired),
            (Step::Check, 404, None, Expired),
            (Step::Check, 429, Some(60202), TooManyChecks),
            (Step::Check, 429, Some(20429), Retry),
            (Step::Check, 400, Some(60200), WrongCode),
            (Step::Check, 401, Some(20003), ServiceFailure),
            (Step::Check, 502, None, Retry),
        ] {
            assert_eq!(
                refused(step, status, code),
                verdict,
                "{step} {status} {code:?}"
            );
        }
    }

    #[test]
    fn the_codes_named_here_are_in_the_catalogue() {
        for code in [
            60202, 60203, 60205, 60410, 60238, 30450, 60605, 60220, 21408, 60200, 21211, 21614,
            60212,
        ] {
            assert!(catalogue::lookup(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_wrong_code_is_an_answer_with_2xx() {
        assert_eq!(answered(Step::Check, "pending"), Verdict::WrongCode);
        assert_eq!(answered(Step::Check, "approved"), Verdict::Approved);
        assert_eq!(answered(Step::Start, "pending"), Verdict::Sent);
        assert_eq!(
            answered(Step::Check, "max_attempts_reached"),
            Verdict::TooManyChecks
        );
        assert_eq!(answered(Step::Check, "canceled"), Verdict::Expired);
        assert_eq!(answered(Step::Start, "?"), Verdict::ServiceFailure);
    }

    #[test]
    fn starts_are_repeated_a_few_times_and_checks_never() {
        let waits: Vec<_> = (1..=5)
            .map(|tries| Verdict::Retry.again_in(Step::Start, tries))
            .collect();
        assert_eq!(waits, [Some(1), Some(2), Some(4), None, None]);
        assert_eq!(Verdict::Retry.again_in(Step::Check, 1), None);
        for verdict in Verdict::ALL {
            let repeated = verdict.again_in(Step::Start, 1).is_some();
            assert_eq!(repeated, *verdict == Verdict::Retry, "{verdict}");
        }
    }

    #[test]
    fn codes_are_4_to_10_digits() {
        for good in ["1234", "123456", "0000000000"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "123", "12345678901", "12345a", " 123456", "１２３４"] {
            assert!(!is_code(bad), "{bad:?}");
        }
    }
}
