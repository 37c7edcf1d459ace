//! Texts that go back to a person: Twilio's answer to a keyword, and what the webhook's TwiML asks for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use herald_core::segments;
use herald_core::twilio_keywords::Keyword;

use super::opt_outs::Verdict;
use super::services::{InboundSettings, Method};
use super::text::{Author, SentReply, Text};
use super::twiml::Reply;
use super::{State, webhook};
use crate::identifiers::new_sid;
use crate::simulator::Simulator;

/// Where the statuses of a reply are reported.
pub(super) struct Report {
    url: String,
    reply: SentReply,
    messaging_service_sid: Option<String>,
}

/// Twilio's answer to a keyword: that of the service, or a standard one. It goes out whatever the person opted out of.
pub(super) fn automatic(
    text: &Text,
    keyword: Keyword,
    settings: &InboundSettings,
    at: DateTime<Utc>,
) -> SentReply {
    let own = text
        .messaging_service_sid
        .as_ref()
        .and_then(|sid| settings.messaging_services.get(sid))
        .and_then(|service| service.reply(keyword));
    let standard = match keyword {
        Keyword::Stop => {
            "You will get no more texts from this sender. Reply START to get them again."
        }
        Keyword::Start => {
            "You will get texts from this sender again. Reply HELP for help or STOP to end them."
        }
        Keyword::Help => {
            "Reply STOP to get no more texts from this sender. Message and data rates may apply."
        }
    };
    let reply = Reply {
        body: own.unwrap_or(standard).to_owned(),
        ..Reply::default()
    };
    sent(text, &reply, Author::Twilio, Verdict::Clear, at)
}

/// A reply of the webhook, which a person who has opted out does not get.
pub(super) fn from_webhook(
    text: &Text,
    reply: &Reply,
    state: &State,
    at: DateTime<Utc>,
) -> (SentReply, Option<Report>) {
    let to = reply.to.as_deref().unwrap_or(&text.from);
    let from = reply.from.as_deref().unwrap_or(&text.to);
    let service = text.messaging_service_sid.as_deref();
    let verdict = state.opt_outs.verdict(to, from, service, &state.settings);
    let sent = sent(text, reply, Author::Webhook, verdict, at);
    let report = reply.status_callback.as_ref().map(|url| Report {
        url: url.clone(),
        reply: sent.clone(),
        messaging_service_sid: text.messaging_service_sid.clone(),
    });
    (sent, report)
}

fn sent(text: &Text, reply: &Reply, by: Author, verdict: Verdict, at: DateTime<Utc>) -> SentReply {
    let (status, error_code) = match verdict {
        Verdict::Clear => ("delivered", None),
        Verdict::Refused | Verdict::Fails => ("failed", Some(21610)),
        Verdict::Undelivered => ("undelivered", Some(30004)),
    };
    SentReply {
        sid: new_sid(if reply.media.is_empty() { "SM" } else { "MM" }),
        at,
        by,
        direction: "outbound-reply",
        from: reply.from.clone().unwrap_or_else(|| text.to.clone()),
        to: reply.to.clone().unwrap_or_else(|| text.from.clone()),
        segments: segments::count(&reply.body).segments,
        body: reply.body.clone(),
        media: reply.media.clone(),
        status,
        error_code,
    }
}

impl Report {
    /// Reports the statuses of the reply, one after the other.
    pub(super) async fn run(self, simulator: Arc<Simulator>) {
        let before: &[&str] = match self.reply.status {
            "failed" => &[],
            _ => &["sent"],
        };
        for status in before.iter().chain([&self.reply.status]) {
            let params = self.params(status, &simulator.credentials.account_sid);
            if webhook::call(&simulator, &self.url, Method::Post, &params)
                .await
                .is_none()
            {
                tracing::warn!(sid = self.reply.sid, "statusCallback is not a valid URL");
                return;
            }
        }
    }

    fn params(&self, status: &str, account_sid: &str) -> Vec<(String, String)> {
        let reply = &self.reply;
        let mut params = vec![
            ("ApiVersion", "2010-04-01"),
            ("MessageSid", &reply.sid),
            ("SmsSid", &reply.sid),
            ("MessageStatus", status),
            ("SmsStatus", status),
            ("AccountSid", account_sid),
            ("To", &reply.to),
            ("From", &reply.from),
        ];
        let service = self.messaging_service_sid.as_deref();
        params.extend(service.map(|sid| ("MessagingServiceSid", sid)));
        let code = reply.error_code.filter(|_| status == reply.status);
        let code = code.map(|code| code.to_string());
        params.extend(code.as_deref().map(|code| ("ErrorCode", code)));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        params.into_iter().map(owned).collect()
    }
}
