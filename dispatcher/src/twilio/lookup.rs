//! What Twilio has: the list of one number's messages, and single ones.
//!
//! Facts: <https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources> (filter by To, pages
//! by `next_page_uri`; no filter by text or by an id of ours).

use chrono::DateTime;
use herald_core::resolve::Entry;
use reqwest::{Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Twilio;
use super::answer::ErrorBody;

/// Messages on one page of a list.
const PAGE_SIZE: usize = 200;
/// Most pages read of one number's list.
const MAX_PAGES: usize = 50;
/// A full page of the longest texts is not larger.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The list is newest first, but Twilio does not promise by which of its dates: a page must be older by this much
/// before the next one is not read.
const ORDER_MARGIN_SECONDS: i64 = 3600;

/// A message as Twilio has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Twilio's id.
    pub(crate) sid: String,
    /// The text; empty if it was redacted.
    pub(crate) body: String,
    /// `From`.
    pub(crate) from: Option<String>,
    /// The Messaging Service.
    pub(crate) messaging_service_sid: Option<String>,
    /// `outbound-api` and others.
    pub(crate) direction: String,
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    /// Twilio's word for its status.
    pub(crate) status: String,
    /// Twilio's error code.
    pub(crate) error_code: Option<i32>,
}

impl Listed {
    /// As `herald_core::resolve` takes it.
    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry {
            body: &self.body,
            from: self.from.as_deref(),
            messaging_service_sid: self.messaging_service_sid.as_deref(),
            direction: &self.direction,
            created: self.created,
            failed: self.status == "failed",
        }
    }
}

/// Why Twilio did not say what it has.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// No answer, or not all of it.
    #[error("no answer from Twilio")]
    NoAnswer(#[source] reqwest::Error),
    /// Another status than 200.
    #[error("Twilio answered {status}{}", .code.map_or(String::new(), |code| format!(" with error {code}")))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Twilio's error code.
        code: Option<i32>,
    },
    /// The answer is not what the documentation says.
    #[error("Twilio's answer cannot be read: {0}")]
    Unreadable(String),
    /// More pages than any number has in so short a time.
    #[error("the list has more than {} messages of the time in question", MAX_PAGES * PAGE_SIZE)]
    TooLong,
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Resource>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    sid: String,
    body: Option<String>,
    to: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    direction: Option<String>,
    date_created: Option<String>,
    status: String,
    error_code: Option<i32>,
}

impl Resource {
    fn read(self) -> Result<Listed, LookupError> {
        let created = self.date_created.unwrap_or_default();
        let created = DateTime::parse_from_rfc2822(&created).map_err(|_| {
            LookupError::Unreadable(format!("date_created of {} is {created:?}", self.sid))
        })?;
        Ok(Listed {
            created: created.timestamp(),
            sid: self.sid,
            body: self.body.unwrap_or_default(),
            from: self.from,
            messaging_service_sid: self.messaging_service_sid,
            direction: self.direction.unwrap_or_default(),
            status: self.status,
            error_code: self.error_code,
        })
    }
}

impl Twilio {
    /// All messages to a number that were made at or after `not_before` (seconds since 1970), and maybe older ones. Either
    /// the whole list or an error: what is missing here counts as not sent.
    pub(crate) async fn list_to(
        &self,
        to: &str,
        not_before: i64,
    ) -> Result<Vec<Listed>, LookupError> {
        let mut url = self.messages_url.clone();
        url.query_pairs_mut()
            .append_pair("To", to)
            .append_pair("PageSize", &PAGE_SIZE.to_string());
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: Page = read(self.get(url).await?).await?;
            let is_empty = page.messages.is_empty();
            let mut newest = i64::MIN;
            for resource in page.messages {
                let is_theirs = resource.to.as_deref().is_some_and(|other| other != to);
                let message = resource.read()?;
                newest = newest.max(message.created);
                if !is_theirs {
                    found.push(message);
                }
            }
            let is_old = newest < not_before.saturating_sub(ORDER_MARGIN_SECONDS);
            let next = page.next_page_uri.filter(|uri| !uri.is_empty());
            match next {
                Some(next) if !is_empty && !is_old => url = self.same_host(&next)?,
                _ => return Ok(found),
            }
        }
        Err(LookupError::TooLong)
    }

    /// One message; `None` if Twilio does not know it (any more).
    pub(crate) async fn fetch(&self, sid: &str) -> Result<Option<Listed>, LookupError> {
        let mut url = self.messages_url.clone();
        url.set_path(
            &self
                .messages_url
                .path()
                .replace(".json", &format!("/{sid}.json")),
        );
        let response = self.get(url).await?;
        if response.status().as_u16() == 404 {
            return Ok(None);
        }
        let resource: Resource = read(response).await?;
        resource.read().map(Some)
    }

    async fn get(&self, url: Url) -> Result<Response, LookupError> {
        self.client
            .get(url)
            .basic_auth(&self.user, Some(self.password.expose()))
            .send()
            .await
            .map_err(|error| LookupError::NoAnswer(error.without_url()))
    }

    /// Page URIs are relative to the host; our credentials go to no other.
    fn same_host(&self, uri: &str) -> Result<Url, LookupError> {
        let next = self.messages_url.join(uri);
        next.ok()
            .filter(|next| next.origin() == self.messages_url.origin())
            .ok_or_else(|| {
                LookupError::Unreadable("next_page_uri leads to another host".to_owned())
            })
    }
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, LookupError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| LookupError::NoAnswer(error.without_url()))?
    {
        if body.len() + chunk.len() > MAX_PAGE_BYTES {
            return Err(LookupError::Unreadable(format!(
                "longer than {MAX_PAGE_BYTES} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    if status != 200 {
        let error = serde_json::from_slice::<ErrorBody>(&body).ok();
        return Err(LookupError::Refused {
            status,
            code: error.and_then(|error| error.code),
        });
    }
    serde_json::from_slice(&body).map_err(|error| LookupError::Unreadable(error.to_string()))
}
