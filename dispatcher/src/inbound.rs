//! Texts that people send us: what is read of them, and how they are committed.

use herald_core::keywords::{self, Handling};
use herald_core::twilio_keywords::Keyword;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::callbacks::Record;
use crate::config::Sender;
use crate::database::DatabaseError;
use crate::error::chain;
use crate::link::Link;
use crate::store;

/// One text that came in, as `record_twilio_inbound` takes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Text {
    /// Twilio's `MessageSid`: a text that comes twice has the same.
    pub(crate) message_sid: String,
    /// Who sent it. Masked in logs.
    pub(crate) from: String,
    /// Which of our numbers got it.
    pub(crate) to: String,
    /// The text. Never logged.
    pub(crate) body: String,
    /// The Messaging Service it came through.
    pub(crate) messaging_service_sid: Option<String>,
    /// `OptOutType` of Advanced Opt-Out.
    pub(crate) opt_out_type: Option<String>,
    /// The keyword that Twilio has acted on and answered.
    pub(crate) done_by_twilio: Option<&'static str>,
    /// Whether an answer of ours would be sent.
    pub(crate) may_reply: bool,
    /// All form parameters.
    pub(crate) params: Map<String, Value>,
}

/// What was done about a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// stored, opted_out, unblocked, opted_in, start, help or duplicate.
    pub(crate) result: String,
    /// STOP, START or HELP.
    pub(crate) keyword: Option<String>,
    /// Waiting texts that a STOP cancelled.
    pub(crate) cancelled: i32,
    /// Texts that were claimed already when the STOP was committed.
    pub(crate) in_flight: i32,
    /// What to answer.
    pub(crate) reply: Option<String>,
}

/// How texts that come in are treated.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// What the Twilio account does with keywords.
    pub(crate) keywords: Handling,
    /// Whether answers are sent, as TwiML.
    pub(crate) answers: bool,
    /// Who our texts come from: never answered.
    pub(crate) sender: Sender,
}

impl Policy {
    /// The text in a verified form, or `None` if it is none. The set of parameters is open: all are kept.
    pub(crate) fn read(&self, params: Map<String, Value>) -> Option<Text> {
        let find = |name: &str| {
            let text = params.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let message_sid = find("MessageSid").or_else(|| find("SmsSid"))?;
        let (from, to) = (find("From")?, find("To")?);
        let body = find("Body").unwrap_or_default();
        let messaging_service_sid = find("MessagingServiceSid");
        let opt_out_type = find("OptOutType");
        let done_by_twilio = keywords::done_by_twilio(
            self.keywords,
            &body,
            &to,
            messaging_service_sid.is_some(),
            opt_out_type.as_deref(),
        );
        let is_ours = matches!(&self.sender, Sender::From(number) if *number == from);
        Some(Text {
            may_reply: self.answers && !is_ours,
            done_by_twilio: done_by_twilio.map(Keyword::as_str),
            message_sid,
            from,
            to,
            body,
            messaging_service_sid,
            opt_out_type,
            params,
        })
    }
}

impl Record for Text {
    type Stored = Done;
    const NAME: &'static str = "texts";

    async fn store(link: &mut Link, batch: &[&Self]) -> Result<Vec<Done>, DatabaseError> {
        store::record_inbound(link, batch).await
    }

    fn stored(&self, done: &Done) {
        tracing::info!(
            sid = self.message_sid,
            keyword = done.keyword,
            result = done.result,
            cancelled = done.cancelled,
            in_flight = done.in_flight,
            is_answered = done.reply.is_some(),
            "text came in"
        );
    }

    fn refused(&self, error: &DatabaseError) {
        tracing::error!(
            sid = self.message_sid,
            error = chain(error),
            "Postgres refuses this text; please report it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(keywords: Handling) -> Policy {
        Policy {
            keywords,
            answers: true,
            sender: Sender::From("+15005550006".to_owned()),
        }
    }

    fn read(policy: &Policy, more: &[(&str, &str)]) -> Option<Text> {
        let known = [
            ("MessageSid", "SM1"),
            ("From", "+14155550100"),
            ("To", "+15005550006"),
            ("Body", "stop"),
            ("FromCity", "PALO ALTO"),
        ];
        let all = known.iter().chain(more);
        policy.read(
            all.map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
                .collect(),
        )
    }

    #[test]
    fn everything_is_read_and_kept() {
        let text = read(
            &policy(Handling::Default),
            &[("MessagingServiceSid", "MG1"), ("OptOutType", "")],
        )
        .unwrap();
        assert_eq!(text.params.len(), 7);
        assert_eq!(
            (text.message_sid.as_str(), text.body.as_str()),
            ("SM1", "stop")
        );
        assert_eq!(text.messaging_service_sid.as_deref(), Some("MG1"));
        assert_eq!(
            (text.opt_out_type, text.done_by_twilio),
            (None, Some("STOP"))
        );
        assert!(text.may_reply);
        for name in ["MessageSid", "From", "To"] {
            assert!(
                read(&policy(Handling::Default), &[(name, "")]).is_none(),
                "{name}"
            );
        }
        // A text without words, such as a picture, is one.
        assert!(read(&policy(Handling::Default), &[("Body", "")]).is_some());
    }

    #[test]
    fn who_answers_keywords_is_a_matter_of_the_account() {
        let done = |handling, more: &[(&str, &str)]| {
            read(&policy(handling), more).and_then(|text| text.done_by_twilio)
        };
        assert_eq!(done(Handling::Default, &[("To", "55555")]), None);
        assert_eq!(
            done(
                Handling::Default,
                &[("To", "55555"), ("MessagingServiceSid", "MG1")]
            ),
            Some("STOP")
        );
        assert_eq!(done(Handling::Off, &[]), None);
        assert_eq!(done(Handling::Advanced, &[]), None);
        assert_eq!(
            done(Handling::Advanced, &[("OptOutType", "HELP")]),
            Some("HELP")
        );
    }

    #[test]
    fn we_do_not_answer_ourselves() {
        let own = read(&policy(Handling::Off), &[("From", "+15005550006")]).unwrap();
        assert!(!own.may_reply);
        let silent = Policy {
            answers: false,
            ..policy(Handling::Off)
        };
        assert!(!read(&silent, &[]).unwrap().may_reply);
    }
}
