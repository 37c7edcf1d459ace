//! Texts that go back to a person: Twilio's answer to a keyword, and what the webhook's TwiML asks for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use herald_core::segments;
use herald_core::twilio_keywords::Keyword;

use super::opt_outs::Verdict;
use super::services::{InboundSettings, Method};
use super::text::{Author, SentReply, Text};
use super::twiml::Reply;
use super::{State, record, webhook};
use crate::callbacks::Callback;
use crate::identifiers::new_sid;
use crate::simulator::Simulator;
use crate::status::{Direction, TwilioStatus};

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
        Verdict::Clear => (TwilioStatus::Delivered, None),
        Verdict::Refused | Verdict::Fails => (TwilioStatus::Failed, Some(21610)),
        Verdict::Undelivered => (TwilioStatus::Undelivered, Some(30004)),
    };
    SentReply {
        sid: new_sid(if reply.media.is_empty() { "SM" } else { "MM" }),
        at,
        by,
        direction: Direction::OutboundReply,
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
        let end = self.reply.status;
        let has_left = end != TwilioStatus::Failed;
        let before = has_left.then_some(TwilioStatus::Sent);
        for status in before.into_iter().chain([end]) {
            let params = self.params(status, &simulator.credentials.account_sid);
            let called = webhook::call(&simulator, &self.url, Method::Post, &params).await;
            if called.is_none() {
                tracing::warn!(sid = self.reply.sid, "statusCallback is not a valid URL");
                return;
            }
        }
    }

    fn params(&self, status: TwilioStatus, account_sid: &str) -> Vec<(String, String)> {
        let mut message = record::of_reply(&self.reply, self.messaging_service_sid.clone());
        if status != message.status {
            message.status = status;
            message.error_code = None;
        }
        Callback::new(&message, account_sid).into_params()
    }
}
