//! The way of an inbound text: keyword, Twilio's own answer, webhook, its fallback, and the replies it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use herald_core::phone;
use herald_core::twilio_keywords::SenderKind;
use serde::Deserialize;

use super::opt_outs::Inbound;
use super::record;
use super::replies;
use super::services::Webhook;
use super::text::{SentReply, Text};
use super::twiml::Answer;
use super::webhook;
use crate::identifiers::{is_sid, new_sid};
use crate::simulator::Simulator;

/// Most deliveries of one text.
const MAX_TIMES: u32 = 10;

/// A text as it is posted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewText {
    #[serde(alias = "From")]
    from: String,
    #[serde(alias = "To")]
    to: String,
    #[serde(default, alias = "Body")]
    body: String,
    /// URLs of pictures and the like.
    #[serde(default, alias = "MediaUrl")]
    media: Vec<String>,
    /// The service the number belongs to; absent: as the settings have it, or the last text to this person had it.
    #[serde(default, alias = "MessagingServiceSid")]
    messaging_service_sid: Option<String>,
    /// Parameters that are added to the webhook's, or take the place of some.
    #[serde(default)]
    params: BTreeMap<String, String>,
    /// How often the webhook is called, each time with the same SID.
    #[serde(default = "once")]
    times: u32,
}

/// Why a text cannot come in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NewTextError {
    /// People have numbers.
    #[error("from must be an E.164 number")]
    From,
    /// Names cannot be answered.
    #[error("to must be an E.164 number or a short code: nobody can text an alphanumeric sender")]
    To,
    /// No Messaging Service has this SID.
    #[error("messaging_service_sid must be MG followed by 32 hexadecimal digits")]
    Service,
    /// Out of range.
    #[error("times must be between 1 and 10")]
    Times,
}

const fn once() -> u32 {
    1
}

impl NewText {
    fn check(&self) -> Result<(), NewTextError> {
        if !phone::is_e164(&self.from) {
            return Err(NewTextError::From);
        }
        let is_number = match SenderKind::of(&self.to) {
            SenderKind::LongCode | SenderKind::TollFree => phone::is_e164(&self.to),
            SenderKind::ShortCode => (3..=8).contains(&self.to.len()),
            SenderKind::Alphanumeric => false,
        };
        if !is_number {
            return Err(NewTextError::To);
        }
        let service = self.messaging_service_sid.as_deref();
        if !service.is_none_or(|sid| is_sid("MG", sid)) {
            return Err(NewTextError::Service);
        }
        if !(1..=MAX_TIMES).contains(&self.times) {
            return Err(NewTextError::Times);
        }
        Ok(())
    }
}

/// Takes a text in and returns what became of it, when the webhook has answered.
pub(super) async fn receive(simulator: Arc<Simulator>, new: NewText) -> Result<Text, NewTextError> {
    new.check()?;
    let (text, webhook) = admit(&simulator, &new);
    let order = text.order;
    if let Some(webhook) = webhook {
        let params = text.params(&simulator.credentials.account_sid, &new.params);
        for _ in 0..new.times {
            deliver(&simulator, &text, &webhook, &params).await;
        }
    }
    let state = simulator.inbound.state();
    // A reset in the meantime has taken the text away.
    let known = state
        .texts
        .get(order - 1)
        .filter(|known| known.sid == text.sid);
    Ok(known.cloned().unwrap_or(text))
}

/// Records the text, does with its keyword what Twilio does, and tells where it goes next.
fn admit(simulator: &Simulator, new: &NewText) -> (Text, Option<Webhook>) {
    let now = simulator.clock.now();
    let conversation = last_service(simulator, &new.from, &new.to);
    let mut guard = simulator.inbound.state();
    let state = &mut *guard;
    let service = new
        .messaging_service_sid
        .clone()
        .or_else(|| state.settings.service_of(&new.to).map(str::to_owned))
        .or(conversation);
    let inbound = Inbound {
        from: &new.from,
        to: &new.to,
        body: &new.body,
        service: service.as_deref(),
    };
    let handled = state.opt_outs.handle(inbound, &state.settings, now);
    let mut text = Text {
        order: state.texts.len() + 1,
        sid: new_sid(if new.media.is_empty() { "SM" } else { "MM" }),
        received_at: now,
        from: new.from.clone(),
        to: new.to.clone(),
        body: new.body.clone(),
        media: new.media.clone(),
        messaging_service_sid: service,
        keyword: handled.keyword,
        has_opt_out_type: handled.has_type,
        webhook: Vec::new(),
        alerts: Vec::new(),
        replies: Vec::new(),
    };
    if let Some(keyword) = handled.keyword.filter(|_| handled.is_answered) {
        text.replies
            .push(replies::automatic(&text, keyword, &state.settings, now));
    }
    tracing::debug!(
        sid = text.sid,
        from = phone::mask(&text.from),
        keyword = handled.keyword.map(|keyword| keyword.as_str()),
        "text came in"
    );
    let webhook = state
        .settings
        .webhook_of(text.messaging_service_sid.as_deref());
    let webhook = webhook.cloned();
    state.texts.push(text.clone());
    drop(guard);
    keep(simulator, &text, true, &text.replies);
    (text, webhook)
}

/// Puts a new text, and its replies, among the account's messages. The store is never locked under the inbound state:
/// a course holds the store while it asks for a sender.
fn keep(simulator: &Simulator, text: &Text, is_new: bool, replies: &[SentReply]) {
    let mut store = simulator.store();
    if is_new {
        store.keep(record::of_text(text));
    }
    for reply in replies {
        let service = text.messaging_service_sid.clone();
        store.keep(record::of_reply(reply, service));
    }
}

/// The service that the last text from this sender to this person went through.
fn last_service(simulator: &Simulator, person: &str, sender: &str) -> Option<String> {
    let store = simulator.store();
    let mut messages = store.messages().iter().rev();
    let last =
        messages.find(|message| message.to == person && message.from.as_deref() == Some(sender))?;
    last.messaging_service_sid.clone()
}

/// Calls the webhook, and its fallback if that fails, and sends the replies.
async fn deliver(
    simulator: &Arc<Simulator>,
    text: &Text,
    webhook: &Webhook,
    params: &[(String, String)],
) {
    let Some(url) = &webhook.url else {
        return;
    };
    let Err(code) = call(simulator, text, url, webhook, params, None).await else {
        return;
    };
    if let Some(fallback) = &webhook.fallback_url {
        let failure = Some((code, url.as_str()));
        // Nothing is tried after the fallback: its failure is recorded, and that is all.
        let _ = call(simulator, text, fallback, webhook, params, failure).await;
    }
}

/// Calls one URL, records how it went and sends the replies. Error: the code of what went wrong.
async fn call(
    simulator: &Arc<Simulator>,
    text: &Text,
    url: &str,
    webhook: &Webhook,
    params: &[(String, String)],
    failure: Option<(i32, &str)>,
) -> Result<(), i32> {
    let mut params = params.to_vec();
    let mut method = webhook.method;
    if let Some((code, failed_url)) = failure {
        method = webhook.fallback_method;
        params.push(("ErrorCode".to_owned(), code.to_string()));
        params.push(("ErrorUrl".to_owned(), failed_url.to_owned()));
    }
    let Some(called) = webhook::call(simulator, url, method, &params).await else {
        return Ok(());
    };
    let (answer, failed) = match called.result {
        Ok(answer) => (answer, Ok(())),
        Err(code) => {
            let warnings = vec![code];
            let answer = Answer {
                warnings,
                ..Answer::default()
            };
            (answer, Err(code))
        }
    };
    let (replies, reports) = {
        let now = simulator.clock.now();
        let mut state = simulator.inbound.state();
        let sent: Vec<_> = answer
            .replies
            .iter()
            .map(|reply| replies::from_webhook(text, reply, &state, now))
            .collect();
        let known = state.texts.get_mut(text.order - 1);
        let Some(known) = known.filter(|known| known.sid == text.sid) else {
            return failed;
        };
        known.webhook.extend(called.calls);
        known.alerts.extend(answer.warnings);
        let (replies, reports): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
        known
            .alerts
            .extend(replies.iter().filter_map(|reply| reply.error_code));
        known.replies.extend_from_slice(&replies);
        (replies, reports.into_iter().flatten())
    };
    keep(simulator, text, false, &replies);
    for report in reports {
        tokio::spawn(report.run(Arc::clone(simulator)));
    }
    failed
}
