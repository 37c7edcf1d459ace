//! Messaging Services as far as inbound texts and opt-out concern them, and where inbound texts are sent.

use std::collections::BTreeMap;

use herald_core::twilio_keywords::{
    ADVANCED_STOP_WORDS, HELP_WORDS, Keyword, START_WORDS, STOP_WORDS, keyword_in,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::callback_target::CallbackTarget;
use crate::identifiers::{is_sender, is_sid};

/// What `/_sim/inbound/settings` shows and changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InboundSettings {
    /// Where texts to every number are sent.
    pub(super) webhook: Webhook,
    /// By SID. A service that is not here has no senders of its own and does nothing special.
    pub(super) messaging_services: BTreeMap<String, Service>,
}

/// An inbound webhook and the one that is called when it fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Webhook {
    /// `null`: texts are only recorded.
    pub(super) url: Option<String>,
    pub(super) method: Method,
    pub(super) fallback_url: Option<String>,
    pub(super) fallback_method: Method,
}

/// How a webhook is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    /// Parameters in the query, which is signed with the URL.
    Get,
    /// Parameters in the body.
    #[default]
    Post,
}

/// A Messaging Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Service {
    /// Its sender pool.
    pub(super) senders: Vec<String>,
    /// Opt-out per service, with `OptOutType`, words and answers of its own.
    pub(super) advanced_opt_out: bool,
    /// Whether the webhook of the number is called and not the one of the service.
    pub(super) use_inbound_webhook_on_number: bool,
    /// The webhook of the service; without a URL, and without the one above, nothing is called.
    pub(super) webhook: Webhook,
    /// The words of Advanced Opt-Out; they take the place of the default ones.
    pub(super) keywords: Words,
    /// The answers of Advanced Opt-Out; `null`: the default ones.
    pub(super) replies: Replies,
}

/// Words of one's own; "stop" cannot be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Words {
    stop: Vec<String>,
    start: Vec<String>,
    help: Vec<String>,
}

/// Answers of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Replies {
    stop: Option<String>,
    start: Option<String>,
    help: Option<String>,
}

/// Why settings cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum InboundSettingsError {
    /// A key or a type is wrong.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// Twilio would refuse it as well.
    #[error("{0:?} is not an http or https URL whose host has no underscore")]
    Url(String),
    /// No Messaging Service has this SID.
    #[error("{0:?} is not MG followed by 32 hexadecimal digits")]
    ServiceSid(String),
    /// Nothing could be sent from it.
    #[error("{0:?} is neither an E.164 number nor a short code nor an alphanumeric sender")]
    Sender(String),
    /// A sender is in one pool at most.
    #[error("sender {0} stands in more than one Messaging Service")]
    SharedSender(String),
}

impl Default for Service {
    fn default() -> Self {
        Self {
            senders: Vec::new(),
            advanced_opt_out: false,
            use_inbound_webhook_on_number: true,
            webhook: Webhook::default(),
            keywords: Words::default(),
            replies: Replies::default(),
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            stop: owned(&STOP_WORDS[..ADVANCED_STOP_WORDS]),
            start: owned(&START_WORDS),
            help: owned(&HELP_WORDS),
        }
    }
}

impl InboundSettings {
    /// Every text goes to this URL.
    pub(super) fn to_url(url: Option<String>) -> Self {
        Self {
            webhook: Webhook {
                url,
                ..Webhook::default()
            },
            ..Self::default()
        }
    }

    /// These settings with the keys of `patch` laid over them; a Messaging Service that it names is replaced.
    pub(super) fn patched(&self, patch: Map<String, Value>) -> Result<Self, InboundSettingsError> {
        let mut merged = serde_json::to_value(self)?;
        for (key, value) in patch {
            match (merged.get_mut(&key), value) {
                (Some(Value::Object(current)), Value::Object(changes)) => current.extend(changes),
                (_, value) => merged[&key] = value,
            }
        }
        let settings: Self = serde_json::from_value(merged)?;
        settings.check()?;
        Ok(settings)
    }

    /// The service that has this sender in its pool.
    pub(super) fn service_of(&self, sender: &str) -> Option<&str> {
        let mut services = self.messaging_services.iter();
        let (sid, _) =
            services.find(|(_, service)| service.senders.iter().any(|own| own == sender))?;
        Some(sid)
    }

    /// Where a text to a number of this service goes; `None`: nowhere.
    pub(super) fn webhook_of(&self, service: Option<&str>) -> Option<&Webhook> {
        let service = service.and_then(|sid| self.messaging_services.get(sid));
        let webhook = match service {
            Some(service) if !service.use_inbound_webhook_on_number => &service.webhook,
            _ => &self.webhook,
        };
        webhook.url.is_some().then_some(webhook)
    }

    fn check(&self) -> Result<(), InboundSettingsError> {
        let mut seen = Vec::new();
        self.webhook.check()?;
        for (sid, service) in &self.messaging_services {
            if !is_sid("MG", sid) {
                return Err(InboundSettingsError::ServiceSid(sid.clone()));
            }
            service.webhook.check()?;
            for sender in &service.senders {
                if !is_sender(sender) {
                    return Err(InboundSettingsError::Sender(sender.clone()));
                }
                if seen.contains(&sender) {
                    return Err(InboundSettingsError::SharedSender(sender.clone()));
                }
                seen.push(sender);
            }
        }
        Ok(())
    }
}

impl Webhook {
    fn check(&self) -> Result<(), InboundSettingsError> {
        for url in [&self.url, &self.fallback_url].into_iter().flatten() {
            if CallbackTarget::parse(url).is_none() {
                return Err(InboundSettingsError::Url(url.clone()));
            }
        }
        Ok(())
    }
}

impl Service {
    /// What Advanced Opt-Out of this service does with a text.
    pub(super) fn keyword(&self, body: &str) -> Option<Keyword> {
        let words = &self.keywords;
        let stop = [words.stop.as_slice(), &["stop".to_owned()]].concat();
        keyword_in(body, &stop, &words.start, &words.help)
    }

    /// The answer to a keyword, when the service has one of its own.
    pub(super) fn reply(&self, keyword: Keyword) -> Option<&str> {
        let reply = match keyword {
            Keyword::Stop => &self.replies.stop,
            Keyword::Start => &self.replies.start,
            Keyword::Help => &self.replies.help,
        };
        reply.as_deref().filter(|_| self.advanced_opt_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "MG00000000000000000000000000000001";

    fn patched(settings: &InboundSettings, json: &str) -> Result<InboundSettings, String> {
        let patch = serde_json::from_str(json).unwrap();
        settings.patched(patch).map_err(|error| error.to_string())
    }

    fn with_service(json: &str) -> Result<InboundSettings, String> {
        let start = InboundSettings::to_url(Some("http://a.example/in".to_owned()));
        patched(
            &start,
            &format!(r#"{{"messaging_services":{{"{SERVICE}":{json}}}}}"#),
        )
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let settings = with_service(r#"{"senders":["+15005550006"]}"#).unwrap();
        assert_eq!(settings.service_of("+15005550006"), Some(SERVICE));
        assert_eq!(settings.service_of("+15005550007"), None);
        let settings = patched(&settings, r#"{"webhook":{"method":"GET"}}"#).unwrap();
        let webhook = settings.webhook_of(Some(SERVICE)).unwrap();
        assert_eq!(webhook.url.as_deref(), Some("http://a.example/in"));
        assert_eq!(webhook.method, Method::Get);
        assert_eq!(settings.service_of("+15005550006"), Some(SERVICE));
    }

    #[test]
    fn a_service_without_a_webhook_gets_nothing() {
        let settings = with_service(r#"{"use_inbound_webhook_on_number":false}"#).unwrap();
        assert_eq!(settings.webhook_of(Some(SERVICE)), None);
        assert!(settings.webhook_of(None).is_some());
    }

    #[test]
    fn words_of_ones_own_replace_the_default_ones() {
        let settings = with_service(r#"{"keywords":{"stop":["Arrêt"]}}"#).unwrap();
        let service = &settings.messaging_services[SERVICE];
        assert_eq!(service.keyword("ARRÊT"), Some(Keyword::Stop));
        assert_eq!(service.keyword("stop"), Some(Keyword::Stop));
        assert_eq!(service.keyword("cancel"), None);
        assert_eq!(service.keyword("info"), Some(Keyword::Help));
        assert_eq!(Service::default().keyword("optout"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            r#"{"senders":["+1"]}"#,
            r#"{"senders":["+15005550006","+15005550006"]}"#,
            r#"{"webhook":{"url":"ftp://a.example"}}"#,
            r#"{"advanced":true}"#,
        ] {
            assert!(with_service(wrong).is_err(), "{wrong}");
        }
        let start = InboundSettings::default();
        assert!(patched(&start, r#"{"messaging_services":{"MG1":{}}}"#).is_err());
        assert!(patched(&start, r#"{"url":"http://a.example"}"#).is_err());
    }
}
