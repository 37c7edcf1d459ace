//! What Twilio says, at random. Left out are answers that reach beyond the one text, of which the model knows nothing:
//! breakers and opt-outs.

use std::time::Duration;

use herald_core::outcome::{Outcome, classify_response};
use rand::Rng;

use super::course::{Course, Job};
use crate::histories::REFUSAL;
use crate::records::{LookResult, UnknownAttempt};
use crate::twilio::Answer;

impl Course<'_> {
    /// The end of a request.
    pub(super) fn answer(&mut self, job: &Job) -> Answer {
        let elapsed = Duration::from_millis(self.random.random_range(0..40_000));
        let silent = |outcome, reason| Answer::without_response(outcome, reason, elapsed);
        let said = |status: u16, code| {
            let mut answer = silent(classify_response(status, code), "");
            answer.reason = None;
            answer.http_status = Some(status);
            answer.error_code = code;
            answer
        };
        let which = match self.random.random_range(0..20) {
            0..16 if self.is_doubtful => 12,
            which => which,
        };
        match which {
            0 => silent(Outcome::NotSent, "connect"),
            1 => silent(Outcome::NotSent, "shutdown"),
            2 => silent(Outcome::NotSent, "late"),
            3 => Answer {
                retry_after_seconds: Some(17),
                ..said(429, Some(20429))
            },
            4 => said(429, Some(20429)),
            5 => said(429, None),
            6 => said(400, Some(REFUSAL)),
            7 => said(400, None),
            8 => said(409, Some(20409)),
            9 => said(500, Some(20500)),
            10 => said(500, None),
            11 => silent(Outcome::Unknown, "reset"),
            12 => silent(Outcome::Unknown, "timeout"),
            13 => Answer {
                error_code: Some(21617),
                ..silent(Outcome::Rejected, "too_long")
            },
            _ => {
                let words = ["queued", "accepted", "sending", "sent", "failed", "strange"];
                let word = words[self.random.random_range(0..words.len())];
                Answer {
                    sid: Some(self.sid(job.place, job.text.attempt)),
                    twilio_status: Some(word.to_owned()),
                    ..said(201, None)
                }
            }
        }
    }

    /// A callback's word and error.
    pub(super) fn word(&mut self) -> (&'static str, Option<i32>) {
        const WORDS: [&str; 9] = [
            "queued",
            "sending",
            "sent",
            "delivered",
            "undelivered",
            "failed",
            "read",
            "canceled",
            "receiving",
        ];
        const CODES: [Option<i32>; 6] = [
            None,
            Some(30003),
            Some(30005),
            Some(30007),
            Some(30008),
            Some(99_999),
        ];
        let word = WORDS[self.random.random_range(0..WORDS.len())];
        let is_failure = matches!(word, "undelivered" | "failed");
        let code = CODES[self.random.random_range(0..CODES.len())];
        (word, code.filter(|_| is_failure))
    }

    /// What a look says of an attempt.
    pub(super) fn verdict(&mut self, doubt: &UnknownAttempt, place: usize) -> LookResult {
        let mut result = LookResult {
            claim_id: doubt.claim_id,
            message_id: doubt.message_id,
            attempt: doubt.attempt,
            verdict: "absent",
            sid: None,
            status: None,
            error_code: None,
        };
        match self.random.random_range(0..10) {
            0..5 => {}
            5..9 if self.is_doubtful => {}
            5 => result.verdict = "ambiguous",
            6 => result.verdict = "failed",
            _ => {
                let words = ["queued", "sent", "delivered", "failed", "strange"];
                let word = words[self.random.random_range(0..words.len())];
                let other = self.one_of(self.sids.clone()).map(|(.., sid)| sid);
                let owned = other.filter(|sid| self.store.owns(sid));
                let own = self.sid(place, doubt.attempt);
                let is_other = self.chance(20);
                result.verdict = "found";
                result.sid = Some(owned.filter(|_| is_other).unwrap_or(own));
                result.status = Some(word.to_owned());
                result.error_code = (word == "failed").then_some(REFUSAL);
            }
        }
        result
    }
}
