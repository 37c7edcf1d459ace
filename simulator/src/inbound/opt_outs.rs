//! Who has opted out of what: one list per sender and one per Messaging Service, as Twilio keeps them.
//!
//! Sources: <https://help.twilio.com/articles/223134027> and <https://help.twilio.com/articles/360058144374>.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_core::twilio_keywords::{Keyword, SenderKind, default_keyword};
use serde::Serialize;

use super::services::{InboundSettings, Service};
use crate::error::ApiError;
use crate::status::FinalStatus;

/// What a person has opted out of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    /// Texts from one number.
    Sender(String),
    /// Texts from a whole Messaging Service.
    MessagingService(String),
}

/// Everybody who has opted out.
#[derive(Debug, Default)]
pub(super) struct OptOuts(BTreeMap<(Scope, String), DateTime<Utc>>);

/// An entry as `/_sim/opt-outs` shows it.
#[derive(Debug, Serialize)]
pub(super) struct OptOut<'a> {
    number: &'a str,
    #[serde(flatten)]
    scope: &'a Scope,
    since: DateTime<Utc>,
}

/// A text from a person to a sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inbound<'a> {
    /// The person.
    pub(super) from: &'a str,
    /// The sender.
    pub(super) to: &'a str,
    pub(super) body: &'a str,
    /// The Messaging Service the sender belongs to.
    pub(super) service: Option<&'a str>,
}

/// What Twilio did with a text before the webhook was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Handled {
    /// The keyword it was; `None`: an ordinary text.
    pub(super) keyword: Option<Keyword>,
    /// Whether Twilio answers it.
    pub(super) is_answered: bool,
    /// Whether the webhook gets `OptOutType`.
    pub(super) has_type: bool,
}

/// Whether a text may go to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may.
    Clear,
    /// The create is refused with 21610.
    Refused,
    /// The create is accepted, and the text ends as `failed` with 21610.
    Fails,
    /// The create is accepted, and the carrier of a toll-free number does not deliver it: 30004.
    Undelivered,
}

impl Verdict {
    /// How the message ends, when it is accepted and does not arrive. Error: the refusal of the create.
    pub(crate) fn ending(self) -> Result<Option<(FinalStatus, i32)>, ApiError> {
        match self {
            Self::Clear => Ok(None),
            Self::Refused => Err(ApiError::bad_request(
                21610,
                "The person at 'To' has opted out of texts from this sender",
            )),
            Self::Fails => Ok(Some((FinalStatus::Failed, 21610))),
            Self::Undelivered => Ok(Some((FinalStatus::Undelivered, 30004))),
        }
    }
}

impl OptOuts {
    /// Does with a text what Twilio does with its keyword.
    pub(super) fn handle(
        &mut self,
        inbound: Inbound<'_>,
        settings: &InboundSettings,
        now: DateTime<Utc>,
    ) -> Handled {
        let kind = SenderKind::of(inbound.to);
        let number = default_keyword(inbound.body, kind);
        let service = inbound
            .service
            .and_then(|sid| settings.messaging_services.get(sid));
        let advanced = service.filter(|service| service.advanced_opt_out);
        // A toll-free number in a service keeps its own rules beside those of the service.
        let group = match (advanced, inbound.service) {
            (Some(service), _) => service.keyword(inbound.body),
            (None, Some(_)) if kind == SenderKind::TollFree => {
                default_keyword(inbound.body, SenderKind::LongCode)
            }
            (None, Some(_)) => number,
            (None, None) => None,
        };
        let own = match (advanced, kind) {
            (Some(_), SenderKind::LongCode | SenderKind::ShortCode) => group,
            _ => number,
        };
        let was_out = self.is_out(inbound);
        let sender = Scope::Sender(inbound.to.to_owned());
        let mut changed = self.apply(sender, inbound.from, own, now);
        if let Some(sid) = inbound.service {
            let scope = Scope::MessagingService(sid.to_owned());
            changed |= self.apply(scope, inbound.from, group, now);
        }
        let keyword = group.or(own);
        let is_answered = match keyword {
            None => false,
            Some(Keyword::Help) => !was_out,
            // One confirmation for each change; "start" is answered in any case, a mere "yes" is not.
            Some(Keyword::Stop) => changed,
            Some(Keyword::Start) => changed || !inbound.body.trim().eq_ignore_ascii_case("yes"),
        };
        Handled {
            keyword,
            is_answered,
            has_type: advanced.is_some() && group.is_some(),
        }
    }

    /// Whether a text from `from`, or from what the service picked, may go to `to`.
    pub(super) fn verdict(
        &self,
        to: &str,
        from: &str,
        service: Option<&str>,
        settings: &InboundSettings,
    ) -> Verdict {
        let sender = Scope::Sender(from.to_owned());
        let is_sender_blocked = self.has(&sender, to);
        let is_service_blocked = |sid: &str| {
            let scope = Scope::MessagingService(sid.to_owned());
            self.has(&scope, to)
        };
        let Some(sid) = service else {
            let own = settings.service_of(from);
            return if is_sender_blocked || own.is_some_and(is_service_blocked) {
                Verdict::Refused
            } else {
                Verdict::Clear
            };
        };
        let is_blocked = is_service_blocked(sid);
        if !is_blocked && is_sender_blocked && SenderKind::of(from) == SenderKind::TollFree {
            return Verdict::Undelivered;
        }
        if !is_blocked && !is_sender_blocked {
            return Verdict::Clear;
        }
        let service = settings.messaging_services.get(sid);
        if service.is_some_and(|service: &Service| service.advanced_opt_out) {
            Verdict::Fails
        } else {
            Verdict::Refused
        }
    }

    /// Opts somebody out, or in again, without a text. Says whether that changed anything.
    pub(super) fn set(
        &mut self,
        scope: Scope,
        number: &str,
        opted_out: bool,
        now: DateTime<Utc>,
    ) -> bool {
        let keyword = if opted_out {
            Keyword::Stop
        } else {
            Keyword::Start
        };
        self.apply(scope, number, Some(keyword), now)
    }

    /// All entries, by scope and number.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = OptOut<'_>> + Clone {
        self.0.iter().map(|((scope, number), since)| OptOut {
            number,
            scope,
            since: *since,
        })
    }

    fn apply(
        &mut self,
        scope: Scope,
        number: &str,
        keyword: Option<Keyword>,
        now: DateTime<Utc>,
    ) -> bool {
        let key = (scope, number.to_owned());
        match keyword {
            Some(Keyword::Stop) if !self.0.contains_key(&key) => {
                self.0.insert(key, now);
                true
            }
            Some(Keyword::Start) => self.0.remove(&key).is_some(),
            _ => false,
        }
    }

    fn has(&self, scope: &Scope, number: &str) -> bool {
        self.0.contains_key(&(scope.clone(), number.to_owned()))
    }

    fn is_out(&self, inbound: Inbound<'_>) -> bool {
        let sender = Scope::Sender(inbound.to.to_owned());
        let service = inbound
            .service
            .map(|sid| Scope::MessagingService(sid.to_owned()));
        self.has(&sender, inbound.from)
            || service.is_some_and(|scope| self.has(&scope, inbound.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "MG00000000000000000000000000000001";
    const PERSON: &str = "+14155550100";
    const LONG: &str = "+15005550006";
    const OTHER: &str = "+15005550007";
    const TOLL_FREE: &str = "+18335550100";

    struct Story {
        list: OptOuts,
        settings: InboundSettings,
    }

    impl Story {
        fn new(advanced: bool) -> Self {
            let patch = serde_json::json!({"messaging_services": {SERVICE: {
                "senders": [OTHER], "advanced_opt_out": advanced}}});
            let patch = patch.as_object().unwrap().clone();
            Self {
                list: OptOuts::default(),
                settings: InboundSettings::default().patched(patch).unwrap(),
            }
        }

        /// Keyword, whether it is answered, whether the webhook gets its type.
        fn text(&mut self, to: &str, service: Option<&str>, body: &str) -> (&str, bool, bool) {
            let inbound = Inbound {
                from: PERSON,
                to,
                body,
                service,
            };
            let handled = self.list.handle(inbound, &self.settings, Utc::now());
            let keyword = handled.keyword.map_or("", Keyword::as_str);
            (keyword, handled.is_answered, handled.has_type)
        }

        fn verdict(&self, from: &str, service: Option<&str>) -> Verdict {
            self.list.verdict(PERSON, from, service, &self.settings)
        }
    }

    #[test]
    fn a_number_of_its_own_blocks_itself_alone() {
        let mut story = Story::new(false);
        assert_eq!(story.text(LONG, None, "stop"), ("STOP", true, false));
        assert_eq!(story.text(LONG, None, "STOP"), ("STOP", false, false));
        assert_eq!(story.text(LONG, None, "help"), ("HELP", false, false));
        assert_eq!(story.verdict(LONG, None), Verdict::Refused);
        assert_eq!(story.verdict(OTHER, None), Verdict::Clear);
        assert_eq!(story.text(LONG, None, "yes"), ("START", true, false));
        assert_eq!(story.verdict(LONG, None), Verdict::Clear);
        assert_eq!(story.text(LONG, None, "yes"), ("START", false, false));
        assert_eq!(story.text(LONG, None, "help"), ("HELP", true, false));
        assert_eq!(story.text(LONG, None, "hello"), ("", false, false));
    }

    #[test]
    fn a_service_blocks_all_of_its_numbers() {
        let mut story = Story::new(false);
        story.text(LONG, Some(SERVICE), "STOP");
        assert_eq!(story.verdict(LONG, Some(SERVICE)), Verdict::Refused);
        assert_eq!(story.verdict(OTHER, Some(SERVICE)), Verdict::Refused);
        assert_eq!(story.verdict(OTHER, None), Verdict::Refused);
        story.text(OTHER, Some(SERVICE), "START");
        assert_eq!(story.verdict(OTHER, Some(SERVICE)), Verdict::Clear);
        assert_eq!(story.verdict(LONG, None), Verdict::Refused);
    }

    #[test]
    fn advanced_opt_out_fails_later_and_tells_the_type() {
        let mut story = Story::new(true);
        let service = Some(SERVICE);
        assert_eq!(story.text(OTHER, service, "optout"), ("", false, false));
        assert_eq!(story.text(OTHER, service, "Stop"), ("STOP", true, true));
        assert_eq!(story.verdict(OTHER, service), Verdict::Fails);
        assert_eq!(story.verdict(OTHER, None), Verdict::Refused);
        assert_eq!(story.text(OTHER, service, "start"), ("START", true, true));
        assert_eq!(story.verdict(OTHER, service), Verdict::Clear);
        assert_eq!(story.text("12345", service, "stop"), ("STOP", true, true));
        assert_eq!(story.verdict("12345", service), Verdict::Fails);
    }

    #[test]
    fn a_toll_free_number_does_not_take_yes() {
        let mut story = Story::new(false);
        story.text(TOLL_FREE, None, "stop");
        assert_eq!(story.text(TOLL_FREE, None, "yes"), ("", false, false));
        assert_eq!(story.verdict(TOLL_FREE, None), Verdict::Refused);
        assert_eq!(
            story.text(TOLL_FREE, None, "unstop"),
            ("START", true, false)
        );
        assert_eq!(story.verdict(TOLL_FREE, None), Verdict::Clear);

        // In a service, "yes" opens the service and not the carrier's block.
        story.text(TOLL_FREE, Some(SERVICE), "stop");
        assert_eq!(story.verdict(TOLL_FREE, Some(SERVICE)), Verdict::Refused);
        assert_eq!(
            story.text(TOLL_FREE, Some(SERVICE), "yes"),
            ("START", true, false)
        );
        assert_eq!(
            story.verdict(TOLL_FREE, Some(SERVICE)),
            Verdict::Undelivered
        );
        assert_eq!(story.verdict(OTHER, Some(SERVICE)), Verdict::Clear);
    }

    #[test]
    fn a_short_code_does_nothing_by_itself() {
        let mut story = Story::new(false);
        for service in [None, Some(SERVICE)] {
            assert_eq!(story.text("12345", service, "STOP"), ("", false, false));
            assert_eq!(story.verdict("12345", service), Verdict::Clear);
        }
    }

    #[test]
    fn entries_are_set_and_shown() {
        let mut story = Story::new(false);
        let scope = || Scope::MessagingService(SERVICE.to_owned());
        assert!(story.list.set(scope(), PERSON, true, Utc::now()));
        assert!(!story.list.set(scope(), PERSON, true, Utc::now()));
        let shown = serde_json::to_value(story.list.entries().collect::<Vec<_>>()).unwrap();
        assert_eq!(shown[0]["number"], PERSON);
        assert_eq!(shown[0]["messaging_service"], SERVICE);
        assert!(story.list.set(scope(), PERSON, false, Utc::now()));
        assert_eq!(story.list.entries().len(), 0);
    }
}
