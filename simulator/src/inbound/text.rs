//! One inbound text, as `/_sim/inbound` shows it and as the webhook gets it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_core::segments;
use herald_core::twilio_keywords::Keyword;
use serde::Serialize;

use super::country;
use crate::status::{Direction, TwilioStatus};

/// A text that came in, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Text {
    /// 1 for the first text, without gaps.
    pub(super) order: usize,
    pub(super) sid: String,
    pub(super) received_at: DateTime<Utc>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) messaging_service_sid: Option<String>,
    /// What Twilio did with it: `STOP`, `START`, `HELP` or nothing.
    #[serde(serialize_with = "word")]
    pub(super) keyword: Option<Keyword>,
    /// Whether the webhook got it as `OptOutType`.
    pub(super) has_opt_out_type: bool,
    /// Requests to webhooks.
    pub(super) webhook: Vec<Call>,
    /// Codes that Twilio's debugger would show.
    pub(super) alerts: Vec<i32>,
    /// What was sent back.
    pub(super) replies: Vec<SentReply>,
}

/// One request to a webhook; retries have entries of their own.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Call {
    pub(super) url: String,
    pub(super) at: DateTime<Utc>,
    /// What the receiver answered; `null` when it did not.
    pub(super) http_status: Option<u16>,
    /// `no_connection` or `no_answer`.
    pub(super) error: Option<&'static str>,
    pub(super) idempotency_token: String,
}

/// A text that was sent back.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SentReply {
    pub(super) sid: String,
    pub(super) at: DateTime<Utc>,
    pub(super) by: Author,
    pub(super) direction: Direction,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) segments: usize,
    /// `delivered`, `undelivered` or `failed`.
    pub(super) status: TwilioStatus,
    pub(super) error_code: Option<i32>,
}

/// Who wrote a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Author {
    /// Twilio's answer to a keyword.
    Twilio,
    /// The webhook's TwiML.
    Webhook,
}

impl Text {
    /// The parameters of the inbound webhook; `more` adds some or takes the place of some.
    pub(super) fn params(
        &self,
        account_sid: &str,
        more: &BTreeMap<String, String>,
    ) -> Vec<(String, String)> {
        let segments = segments::count(&self.body).segments.to_string();
        let num_media = self.media.len().to_string();
        let mut params = vec![
            ("ToCountry", country::of(&self.to)),
            ("ToState", ""),
            ("SmsMessageSid", &self.sid),
            ("NumMedia", &num_media),
            ("ToCity", ""),
            ("FromZip", ""),
            ("SmsSid", &self.sid),
            ("FromState", ""),
            ("SmsStatus", "received"),
            ("FromCity", ""),
            ("Body", &self.body),
            ("FromCountry", country::of(&self.from)),
            ("To", &self.to),
            ("ToZip", ""),
            ("NumSegments", &segments),
            ("MessageSid", &self.sid),
            ("AccountSid", account_sid),
            ("From", &self.from),
            ("ApiVersion", "2010-04-01"),
        ];
        let service = self.messaging_service_sid.as_deref();
        params.extend(service.map(|sid| ("MessagingServiceSid", sid)));
        let opt_out = self.keyword.filter(|_| self.has_opt_out_type);
        params.extend(opt_out.map(|keyword| ("OptOutType", keyword.as_str())));
        params.retain(|(name, _)| !more.contains_key(*name));

        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut params: Vec<_> = params.into_iter().map(owned).collect();
        for (place, url) in self.media.iter().enumerate() {
            params.push((format!("MediaUrl{place}"), url.clone()));
            let content_type = content_type(url).to_owned();
            params.push((format!("MediaContentType{place}"), content_type));
        }
        params.extend(
            more.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        params
    }
}

/// The media type a URL promises by its ending.
fn content_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit('.').next().unwrap_or_default() {
        "png" => "image/png",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "mp4" => "video/mp4",
        "pdf" => "application/pdf",
        "vcf" => "text/vcard",
        _ => "application/octet-stream",
    }
}

fn word<S: serde::Serializer>(keyword: &Option<Keyword>, serializer: S) -> Result<S::Ok, S::Error> {
    keyword.map(Keyword::as_str).serialize(serializer)
}
