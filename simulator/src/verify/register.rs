//! All verifications, and the rules of their life: sends, checks, expiry.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::new_verification::NewVerification;
use super::refusal::invalid;
use super::rules::{Rules, Step};
use super::settings::{VerifySettings, is_code};
use super::verification::{Verification, VerificationStatus};
use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::is_sid;

/// A recipient within a service: it has at most one open verification.
pub(super) type Recipient = (String, String);

/// Everything Verify remembers.
#[derive(Debug, Default)]
pub(crate) struct Register {
    /// What was set under `/_sim/verify/settings`.
    pub(super) settings: VerifySettings,
    /// What was set under `/_sim/verify/rules`.
    pub(super) rules: Rules,
    /// In order of their start.
    verifications: Vec<Verification>,
    /// The latest one of each recipient.
    latest: HashMap<Recipient, usize>,
    by_sid: HashMap<String, usize>,
    /// Recipients whose start is being answered.
    starting: HashSet<Recipient>,
}

/// What a verification is looked up by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// `VE…`
    Sid(&'a str),
    /// A number or mail address.
    To(&'a str),
}

impl<'a> Key<'a> {
    /// Twilio takes both in the same place.
    pub(super) fn new(text: &'a str) -> Self {
        if is_sid("VE", text) {
            return Self::Sid(text);
        }
        Self::To(text)
    }
}

impl Register {
    /// A register that gives every verification this code, unless it is `None`.
    pub(crate) fn new(code: Option<String>) -> Self {
        Self {
            settings: VerifySettings {
                code,
                ..VerifySettings::default()
            },
            ..Self::default()
        }
    }

    /// Begins to answer a start: until [`Register::finish`], another one for the same recipient is refused (60212).
    pub(super) fn begin(&mut self, recipient: &Recipient) -> Result<(), ApiError> {
        if self.starting.insert(recipient.clone()) {
            return Ok(());
        }
        Err(ApiError::of_code(60212))
    }

    /// The start is answered, or its client is gone.
    pub(super) fn finish(&mut self, recipient: &Recipient) {
        self.starting.remove(recipient);
    }

    /// Sends a code: the one of the open verification, or that of a new one.
    ///
    /// Errors: what a rule says, 60202 and 60203 when the open verification is used up.
    pub(super) fn start(
        &mut self,
        service: &str,
        new: &NewVerification,
        now: DateTime<Utc>,
    ) -> Result<&Verification, ApiError> {
        if let Some(error) = self.rules.take(Step::Start, &new.to) {
            return Err(error);
        }
        let index = match self.open(service, Key::To(&new.to), now) {
            Some(index) => {
                let open = &mut self.verifications[index];
                if open.status == VerificationStatus::MaxAttemptsReached {
                    return Err(ApiError::of_code(60202));
                }
                if open.sends.len() >= self.settings.max_sends {
                    return Err(ApiError::of_code(60203));
                }
                open.send(new.channel, now);
                index
            }
            None => self.add(Verification::start(service, new, &self.settings, now)),
        };
        Ok(&self.verifications[index])
    }

    /// Compares a code. A wrong one is no error: the answer is that the verification is still pending.
    ///
    /// Errors: 60200 without a code, 60221 without a verification, `not_found` when there is none that is open, 60202
    /// when its checks are used up.
    pub(super) fn check(
        &mut self,
        service: &str,
        form: &Form,
        now: DateTime<Utc>,
        not_found: impl Fn() -> ApiError,
    ) -> Result<&Verification, ApiError> {
        let key = match (form.filled("VerificationSid"), form.filled("To")) {
            (Some(sid), _) => Key::Sid(sid),
            (None, Some(to)) => Key::To(to),
            (None, None) => return Err(ApiError::of_code(60221)),
        };
        let code = form
            .filled("Code")
            .ok_or_else(|| invalid("Code", "missing"))?;
        if !is_code(code) {
            return Err(invalid("Code", code));
        }
        let index = self.open(service, key, now).ok_or_else(&not_found)?;
        let verification = &mut self.verifications[index];
        if let Some(error) = self.rules.take(Step::Check, &verification.to) {
            return Err(error);
        }
        if verification.checks >= self.settings.max_checks {
            verification.end(VerificationStatus::MaxAttemptsReached, now);
            return Err(ApiError::of_code(60202));
        }
        verification.checks += 1;
        if verification.code == code {
            verification.end(VerificationStatus::Approved, now);
        } else {
            verification.updated_at = now;
        }
        Ok(verification)
    }

    /// Reads an open verification; too many reads are refused with 20429.
    pub(super) fn fetch(
        &mut self,
        service: &str,
        key: Key<'_>,
        now: DateTime<Utc>,
        not_found: impl Fn() -> ApiError,
    ) -> Result<&Verification, ApiError> {
        let index = self.open(service, key, now).ok_or_else(not_found)?;
        let verification = &mut self.verifications[index];
        if verification.count_fetch(now) {
            return Ok(verification);
        }
        Err(ApiError::of_code(20429))
    }

    /// Ends an open verification as the account wishes: `approved` or `canceled`, anything else is 60200.
    pub(super) fn update(
        &mut self,
        service: &str,
        key: Key<'_>,
        status: Option<&str>,
        now: DateTime<Utc>,
        not_found: impl Fn() -> ApiError,
    ) -> Result<&Verification, ApiError> {
        let status = match status {
            Some("approved") => VerificationStatus::Approved,
            Some("canceled") => VerificationStatus::Canceled,
            other => return Err(invalid("Status", other.unwrap_or("missing"))),
        };
        let index = self.open(service, key, now).ok_or_else(not_found)?;
        let verification = &mut self.verifications[index];
        verification.end(status, now);
        Ok(verification)
    }

    /// Every verification with the status it has at `now`.
    pub(super) fn all(&mut self, now: DateTime<Utc>) -> &[Verification] {
        for verification in &mut self.verifications {
            verification.age(now);
        }
        &self.verifications
    }

    /// The place of the verification that Twilio would still find.
    fn open(&self, service: &str, key: Key<'_>, now: DateTime<Utc>) -> Option<usize> {
        let index = match key {
            Key::Sid(sid) => *self.by_sid.get(sid)?,
            Key::To(to) => *self.latest.get(&(service.to_owned(), to.to_owned()))?,
        };
        let verification = &self.verifications[index];
        (verification.service_sid == service && verification.is_open(now)).then_some(index)
    }

    fn add(&mut self, verification: Verification) -> usize {
        let index = self.verifications.len();
        let recipient = (verification.service_sid.clone(), verification.to.clone());
        self.latest.insert(recipient, index);
        self.by_sid.insert(verification.sid.clone(), index);
        self.verifications.push(verification);
        index
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::verify::channel::Channel;

    const SERVICE: &str = "VA00000000000000000000000000000001";
    const TO: &str = "+14155550100";

    /// A register with the code 123456, and a time that passes.
    struct Story {
        register: Register,
        now: DateTime<Utc>,
    }

    impl Story {
        fn new() -> Self {
            Self {
                register: Register::new(Some("123456".to_owned())),
                now: "2026-11-22T12:00:00Z".parse().unwrap(),
            }
        }

        fn after(&mut self, seconds: i64) -> &mut Self {
            self.now += TimeDelta::seconds(seconds);
            self
        }

        /// The SID, or the code of the refusal.
        fn start(&mut self) -> Result<String, i32> {
            let new = NewVerification {
                to: TO.to_owned(),
                channel: Channel::Sms,
                custom_code: None,
            };
            let started = self.register.start(SERVICE, &new, self.now);
            started
                .map(|verification| verification.sid.clone())
                .map_err(|error| error.code)
        }

        fn check(&mut self, code: &str) -> Result<VerificationStatus, i32> {
            let form = Form::parse(format!("To=%2B14155550100&Code={code}").as_bytes());
            let not_found = || ApiError::not_found("");
            let checked = self.register.check(SERVICE, &form, self.now, not_found);
            checked
                .map(|verification| verification.status)
                .map_err(|error| error.code)
        }

        fn fetch(&mut self, key: &str) -> Result<VerificationStatus, i32> {
            let not_found = || ApiError::not_found("");
            let key = Key::new(key);
            let fetched = self.register.fetch(SERVICE, key, self.now, not_found);
            fetched
                .map(|verification| verification.status)
                .map_err(|error| error.code)
        }

        fn update(&mut self, key: &str, status: &str) -> Result<VerificationStatus, i32> {
            let not_found = || ApiError::not_found("");
            let key = Key::new(key);
            let updated = self
                .register
                .update(SERVICE, key, Some(status), self.now, not_found);
            updated
                .map(|verification| verification.status)
                .map_err(|error| error.code)
        }
    }

    #[test]
    fn the_right_code_approves_once() {
        let mut story = Story::new();
        let sid = story.start().unwrap();
        assert_eq!(story.check("000000"), Ok(VerificationStatus::Pending));
        assert_eq!(story.check("123456"), Ok(VerificationStatus::Approved));
        assert_eq!(story.check("123456"), Err(20404));
        assert_eq!(story.fetch(&sid), Err(20404));
        assert_ne!(story.start(), Ok(sid));
    }

    #[test]
    fn five_checks_and_then_60202_until_it_expires() {
        let mut story = Story::new();
        let sid = story.start().unwrap();
        for _ in 0..5 {
            assert_eq!(story.check("000000"), Ok(VerificationStatus::Pending));
        }
        assert_eq!(story.check("123456"), Err(60202));
        assert_eq!(
            story.fetch(&sid),
            Ok(VerificationStatus::MaxAttemptsReached)
        );
        assert_eq!(story.start(), Err(60202));
        assert_eq!(story.after(600).check("123456"), Err(20404));
        assert_ne!(story.start(), Ok(sid));
        assert_eq!(story.check("123456"), Ok(VerificationStatus::Approved));
    }

    #[test]
    fn five_sends_and_then_60203_and_the_code_does_not_live_longer() {
        let mut story = Story::new();
        let sid = story.start().unwrap();
        for _ in 0..4 {
            assert_eq!(story.after(60).start(), Ok(sid.clone()));
        }
        assert_eq!(story.start(), Err(60203));
        assert_eq!(
            story.after(359).check("000000"),
            Ok(VerificationStatus::Pending)
        );
        assert_eq!(story.after(1).check("123456"), Err(20404));
        assert!(story.start().is_ok());
    }

    #[test]
    fn a_cancelled_one_makes_room() {
        let mut story = Story::new();
        let sid = story.start().unwrap();
        assert_eq!(story.update(&sid, "deleted"), Err(60200));
        assert_eq!(
            story.update(TO, "canceled"),
            Ok(VerificationStatus::Canceled)
        );
        assert_eq!(story.update(&sid, "approved"), Err(20404));
        assert_eq!(story.check("123456"), Err(20404));
        let next = story.start().unwrap();
        assert_ne!(next, sid);
        assert_eq!(
            story.update(&next, "approved"),
            Ok(VerificationStatus::Approved)
        );
    }

    #[test]
    fn a_verification_may_be_read_60_times_a_minute() {
        let mut story = Story::new();
        let sid = story.start().unwrap();
        for _ in 0..60 {
            assert_eq!(story.fetch(&sid), Ok(VerificationStatus::Pending));
        }
        assert_eq!(story.fetch(TO), Err(20429));
        assert_eq!(story.after(60).fetch(TO), Ok(VerificationStatus::Pending));
    }

    #[test]
    fn what_is_unknown_is_not_found() {
        let mut story = Story::new();
        assert_eq!(story.check("123456"), Err(20404));
        assert_eq!(story.check("12"), Err(60200));
        let not_found = || ApiError::not_found("");
        let nobody =
            story
                .register
                .check(SERVICE, &Form::parse(b"Code=123456"), story.now, not_found);
        assert_eq!(nobody.unwrap_err().code, 60221);
        story.start().unwrap();
        let other = "VA00000000000000000000000000000002";
        let elsewhere = story
            .register
            .fetch(other, Key::To(TO), story.now, not_found);
        assert_eq!(elsewhere.unwrap_err().code, 20404);
    }

    #[test]
    fn parallel_starts_are_60212() {
        let mut register = Register::default();
        let recipient = (SERVICE.to_owned(), TO.to_owned());
        assert!(register.begin(&recipient).is_ok());
        assert_eq!(register.begin(&recipient).unwrap_err().code, 60212);
        register.finish(&recipient);
        assert!(register.begin(&recipient).is_ok());
    }
}
