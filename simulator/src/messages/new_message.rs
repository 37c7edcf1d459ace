//! The parameters of a create, checked in Twilio's way and with its error codes.
//!
//! Source of the codes: <https://www.twilio.com/docs/api/errors>.

use chrono::{DateTime, Utc};
use herald_core::phone;
use herald_core::segments::{MAX_BODY_CHARACTERS, body_characters};

use super::schedule;
use crate::callback_target::CallbackTarget;
use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::{is_sender, is_sid, new_sid};
use crate::simulator::Simulator;
use crate::status::TwilioStatus;

const MAX_MEDIA: usize = 10;
const VALIDITY_SECONDS: std::ops::RangeInclusive<u32> = 1..=36_000;

/// A message that may be accepted.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    /// E.164.
    pub(crate) to: String,
    /// `None`: the Messaging Service picks a sender.
    pub(crate) from: Option<String>,
    /// `MG…`
    pub(crate) messaging_service_sid: Option<String>,
    /// Empty when there is only media or a content template.
    pub(crate) body: String,
    /// How many media URLs it carries.
    pub(crate) num_media: usize,
    /// Where status changes are reported.
    pub(crate) callback: Option<CallbackTarget>,
    /// When a scheduled message leaves.
    pub(crate) send_at: Option<DateTime<Utc>>,
}

impl NewMessage {
    /// A short text to `to`, from a number or, without `from`, from a Messaging Service.
    #[cfg(test)]
    pub(crate) fn example(to: &str, from: Option<&str>) -> Self {
        Self {
            to: to.to_owned(),
            from: from.map(str::to_owned),
            messaging_service_sid: None,
            body: "Hello".to_owned(),
            num_media: 0,
            callback: None,
            send_at: None,
        }
    }

    /// Checks the parameters of a create that came at `now`.
    pub(crate) fn read(
        form: &Form,
        simulator: &Simulator,
        now: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        let to = form
            .filled("To")
            .ok_or_else(|| ApiError::bad_request(21604, "'To' is missing"))?;
        let from = form.filled("From");
        let service = form.filled("MessagingServiceSid");
        if from.is_none() && service.is_none() {
            return Err(ApiError::bad_request(
                21603,
                "'From' or 'MessagingServiceSid' is missing",
            ));
        }
        let body = form.value("Body").unwrap_or_default();
        let num_media = form.values("MediaUrl").count();
        check_content(form, body, num_media, service)?;
        if !phone::is_e164(to) {
            return Err(ApiError::bad_request(
                21211,
                format!("'To' number {to} is not a valid phone number"),
            ));
        }
        check_sender(from, to, simulator)?;
        check_service(service, simulator)?;
        check_validity(form)?;
        Ok(Self {
            to: to.to_owned(),
            from: from.map(str::to_owned),
            messaging_service_sid: service.map(str::to_owned),
            body: body.to_owned(),
            num_media,
            callback: read_callback(form)?,
            send_at: schedule::read(form, service, now)?,
        })
    }

    /// A new SID: `SM…`, with media `MM…`.
    pub(crate) fn sid(&self) -> String {
        new_sid(if self.num_media == 0 { "SM" } else { "MM" })
    }

    /// The status the create answers: `accepted` while a Messaging Service has to pick a sender, otherwise `queued`.
    pub(crate) fn initial_status(&self) -> TwilioStatus {
        if self.send_at.is_some() {
            return TwilioStatus::Scheduled;
        }
        if self.from.is_some() {
            return TwilioStatus::Queued;
        }
        TwilioStatus::Accepted
    }
}

fn check_content(
    form: &Form,
    body: &str,
    num_media: usize,
    service: Option<&str>,
) -> Result<(), ApiError> {
    if body.is_empty() && num_media == 0 && form.filled("ContentSid").is_none() {
        let code = if service.is_some() { 21619 } else { 21602 };
        return Err(ApiError::bad_request(
            code,
            "'Body', 'MediaUrl' or 'ContentSid' is missing",
        ));
    }
    let units = body_characters(body);
    if units > MAX_BODY_CHARACTERS {
        let message = format!("'Body' has {units} characters; the limit is {MAX_BODY_CHARACTERS}");
        return Err(ApiError::bad_request(21617, message));
    }
    if num_media > MAX_MEDIA {
        let message = format!("{num_media} media URLs; the limit is {MAX_MEDIA}");
        return Err(ApiError::bad_request(21623, message));
    }
    Ok(())
}

fn check_sender(from: Option<&str>, to: &str, simulator: &Simulator) -> Result<(), ApiError> {
    let Some(from) = from else {
        return Ok(());
    };
    if !is_sender(from) {
        let message = format!("'From' {from} is not a valid phone number, short code or sender ID");
        return Err(ApiError::bad_request(21212, message));
    }
    if from == to {
        return Err(ApiError::bad_request(
            21266,
            "'To' and 'From' are the same number",
        ));
    }
    if !simulator.senders.is_empty() && !simulator.senders.iter().any(|sender| sender == from) {
        let message = format!("'From' {from} does not belong to this account");
        return Err(ApiError::bad_request(21606, message));
    }
    Ok(())
}

fn check_service(service: Option<&str>, simulator: &Simulator) -> Result<(), ApiError> {
    let Some(service) = service else {
        return Ok(());
    };
    let known = &simulator.messaging_services;
    let exists = known.is_empty() || known.iter().any(|sid| sid == service);
    if exists && is_sid("MG", service) {
        return Ok(());
    }
    let message = format!("Messaging Service {service} does not exist");
    Err(ApiError::bad_request(21701, message))
}

fn check_validity(form: &Form) -> Result<(), ApiError> {
    let Some(text) = form.filled("ValidityPeriod") else {
        return Ok(());
    };
    if text
        .parse()
        .is_ok_and(|seconds| VALIDITY_SECONDS.contains(&seconds))
    {
        return Ok(());
    }
    let message = format!("'ValidityPeriod' {text} is not between 1 and 36000 seconds");
    Err(ApiError::bad_request(21624, message))
}

fn read_callback(form: &Form) -> Result<Option<CallbackTarget>, ApiError> {
    let Some(url) = form.filled("StatusCallback") else {
        return Ok(None);
    };
    let target = CallbackTarget::parse(url).ok_or_else(|| {
        ApiError::bad_request(21609, format!("'StatusCallback' {url} is not a valid URL"))
    })?;
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Options;

    const SERVICE: &str = "MG00000000000000000000000000000001";

    fn simulator(arguments: &[&str]) -> Simulator {
        let account = [
            "twilio-simulator",
            "--account-sid",
            "AC00000000000000000000000000000001",
            "--auth-token",
            "t",
        ];
        Simulator::new(Options::try_parse_from(account.iter().chain(arguments)).unwrap())
    }

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
        )
    }

    /// A complete request with `changes` laid over it; an empty value takes a parameter away.
    fn read(changes: &[(&str, &str)]) -> Result<NewMessage, i32> {
        read_with(&simulator(&[]), changes)
    }

    fn read_with(simulator: &Simulator, changes: &[(&str, &str)]) -> Result<NewMessage, i32> {
        let mut pairs = vec![
            ("To", "+14155550100"),
            ("From", "+15005550006"),
            ("Body", "Hello"),
        ];
        pairs.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        pairs.extend(changes);
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        NewMessage::read(&form(&pairs), simulator, now).map_err(|error| error.code)
    }

    fn code(changes: &[(&str, &str)]) -> Option<i32> {
        read(changes).err()
    }

    #[test]
    fn what_is_missing_has_its_own_code() {
        assert_eq!(code(&[]), None);
        assert_eq!(code(&[("To", "")]), Some(21604));
        assert_eq!(code(&[("From", "")]), Some(21603));
        assert_eq!(code(&[("Body", "")]), Some(21602));
        assert_eq!(
            code(&[("Body", ""), ("MessagingServiceSid", SERVICE)]),
            Some(21619)
        );
        assert_eq!(
            code(&[("Body", ""), ("MediaUrl", "https://example.org/a.png")]),
            None
        );
    }

    #[test]
    fn what_is_wrong_has_its_own_code() {
        assert_eq!(code(&[("To", "4155550100")]), Some(21211));
        assert_eq!(code(&[("From", "+1")]), Some(21212));
        assert_eq!(code(&[("From", "+14155550100")]), Some(21266));
        assert_eq!(code(&[("StatusCallback", "example.org")]), Some(21609));
        assert_eq!(code(&[("MessagingServiceSid", "MG1")]), Some(21701));
        for (validity, expected) in [
            ("1", None),
            ("36000", None),
            ("0", Some(21624)),
            ("36001", Some(21624)),
            ("x", Some(21624)),
        ] {
            assert_eq!(
                code(&[("ValidityPeriod", validity)]),
                expected,
                "{validity}"
            );
        }
    }

    #[test]
    fn the_body_limit_is_1600_utf16_units() {
        assert_eq!(code(&[("Body", &"a".repeat(1600))]), None);
        assert_eq!(code(&[("Body", &"a".repeat(1601))]), Some(21617));
        assert_eq!(code(&[("Body", &"😜".repeat(801))]), Some(21617));
    }

    #[test]
    fn configured_senders_and_services_are_the_only_ones() {
        let simulator = simulator(&["--from", "+15005550006", "--messaging-service", SERVICE]);
        assert!(read_with(&simulator, &[]).is_ok());
        assert_eq!(
            read_with(&simulator, &[("From", "+15005550007")]).err(),
            Some(21606)
        );
        let other = "MG00000000000000000000000000000002";
        assert_eq!(
            read_with(&simulator, &[("MessagingServiceSid", other)]).err(),
            Some(21701)
        );
    }

    #[test]
    fn the_initial_status_depends_on_who_picks_the_sender() {
        let status = |changes: &[(&str, &str)]| read(changes).unwrap().initial_status();
        assert_eq!(status(&[]), TwilioStatus::Queued);
        assert_eq!(
            status(&[("MessagingServiceSid", SERVICE)]),
            TwilioStatus::Queued
        );
        assert_eq!(
            status(&[("From", ""), ("MessagingServiceSid", SERVICE)]),
            TwilioStatus::Accepted
        );
    }
}
