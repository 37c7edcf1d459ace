//! The parameters of a create, checked in Twilio's way and with its error codes.
//!
//! Source of the codes: <https://www.twilio.com/docs/api/errors>.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{content, options, parties, schedule};
use crate::callback_target::CallbackTarget;
use crate::clock::later;
use crate::error::ApiError;
use crate::form::Form;
use crate::identifiers::new_sid;
use crate::simulator::Simulator;
use crate::status::TwilioStatus;

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
    /// How long it may wait from then, or from its acceptance.
    pub(crate) validity: Duration,
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
            validity: Duration::from_secs(36_000),
        }
    }

    /// Checks the parameters of a create that came at `now`.
    pub(crate) fn read(
        form: &Form,
        simulator: &Simulator,
        now: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        Self::check_presence(form)?;
        let new = Self::read_parameters(form, now)?;
        if let Some(from) = &new.from {
            parties::check_owner(from, simulator)?;
        }
        if let Some(service) = &new.messaging_service_sid {
            parties::check_service(service, simulator)?;
        }
        if new.send_at.is_some() {
            schedule::check_room(simulator)?;
        }
        Ok(new)
    }

    /// Checks that a recipient, a sender and something to send are there.
    pub(super) fn check_presence(form: &Form) -> Result<(), ApiError> {
        let missing = |code, what| Err(ApiError::bad_request(code, format!("{what} is missing")));
        let has = |name| form.filled(name).is_some();
        if !has("To") {
            return missing(21604, "'To'");
        }
        if !has("From") && !has("MessagingServiceSid") {
            return missing(21603, "'From' or 'MessagingServiceSid'");
        }
        if !has("Body") && !has("MediaUrl") && !has("ContentSid") {
            let code = if has("MessagingServiceSid") {
                21619
            } else {
                21602
            };
            return missing(code, "'Body', 'MediaUrl' or 'ContentSid'");
        }
        Ok(())
    }

    /// Checks everything that does not depend on the account.
    pub(super) fn read_parameters(form: &Form, now: DateTime<Utc>) -> Result<Self, ApiError> {
        let to = form.filled("To").unwrap_or_default();
        let from = form.filled("From");
        let service = form.filled("MessagingServiceSid");
        content::check(form)?;
        parties::check_recipient(to)?;
        if let Some(from) = from {
            parties::check_sender(from, to)?;
        }
        if let Some(service) = service {
            parties::check_service_sid(service)?;
        }
        options::check(form)?;
        Ok(Self {
            to: to.to_owned(),
            from: from.map(str::to_owned),
            messaging_service_sid: service.map(str::to_owned),
            body: content::body(form),
            num_media: form.values("MediaUrl").count(),
            validity: options::validity(form)?,
            callback: options::callback(form)?,
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

    /// After this time a message that came at `received_at` is not sent any more.
    pub(crate) fn expires_at(&self, received_at: DateTime<Utc>) -> DateTime<Utc> {
        later(self.send_at.unwrap_or(received_at), self.validity)
    }

    /// The sender, or the Messaging Service that picks one.
    pub(crate) fn sender_or_service(&self) -> &str {
        let from = self.from.as_deref();
        from.or(self.messaging_service_sid.as_deref())
            .unwrap_or_default()
    }
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
        for (name, value, expected) in [
            ("MediaUrl", "example.org", 21620),
            ("ContentSid", "HX1", 21655),
            ("ContentVariables", "{}", 21654),
            ("MaxPrice", "cheap", 21627),
            ("Attempt", "first", 20422),
            ("SmartEncoded", "yes", 20422),
            ("RiskCheck", "on", 20422),
            ("ContentRetention", "keep", 20422),
            ("ApplicationSid", "AP1", 20422),
        ] {
            assert_eq!(code(&[(name, value)]), Some(expected), "{name}");
        }
        let template = ("ContentSid", "HX00000000000000000000000000000001");
        assert_eq!(code(&[template, ("ContentVariables", "[]")]), Some(21656));
        assert_eq!(
            code(&[template, ("ContentVariables", "{\"1\":\"a\"}")]),
            None
        );
        assert_eq!(
            code(&[("ProvideFeedback", "True"), ("RiskCheck", "disable")]),
            None
        );
        let media = [("MediaUrl", "https://example.org/a.png"); 11];
        assert_eq!(code(&media[..10]), None);
        assert_eq!(code(&media), Some(21623));
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
    fn smart_encoding_replaces_look_alikes_where_it_is_asked_for() {
        let body = |changes: &[(&str, &str)]| read(changes).unwrap().body;
        let quoted = ("Body", "“Hello”");
        assert_eq!(body(&[quoted]), "“Hello”");
        assert_eq!(body(&[quoted, ("SmartEncoded", "true")]), "\"Hello\"");
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
