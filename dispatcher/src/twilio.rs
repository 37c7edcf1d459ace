//! The HTTP client for Twilio: one request a text, never repeated here, and what its answer means.
//!
//! Facts: <https://www.twilio.com/docs/messaging/api/message-resource>,
//! <https://www.twilio.com/docs/api/errors/20500> (a create that failed at Twilio may have been carried out).

mod answer;
mod last_look;
mod lookup;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use herald_core::outcome::Outcome;
use herald_core::segments::{MAX_BODY_CHARACTERS, body_characters, smart_encode};
use reqwest::{Body, Client, Method, RequestBuilder, Url};

pub(crate) use answer::Answer;
pub(crate) use answer::read_limited;
use answer::{ErrorBody, read_answer, without_answer};
use last_look::LastLook;
pub(crate) use lookup::{Listed, LookupError};

use crate::config::{Secret, Sender, TwilioConfig, is_loopback};

/// Longest time for name look-up, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed well before a load balancer would (60 s is usual), so that a request is not written
/// into a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Twilio's code for a body that is too long (<https://www.twilio.com/docs/api/errors/21617>).
const TOO_LONG: i32 = 21617;

/// One text as Twilio gets it.
pub(crate) struct Create<'a> {
    /// E.164.
    pub(crate) to: &'a str,
    /// The text.
    pub(crate) body: &'a str,
    /// Where Twilio reports what becomes of it.
    pub(crate) status_callback: &'a str,
    /// Seconds that it may wait in Twilio's queue; brought into Twilio's 1 to 36000.
    pub(crate) validity_seconds: Option<i32>,
}

/// Why the client or the credentials do not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwilioError {
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("no answer from {0}")]
    NoAnswer(String, #[source] reqwest::Error),
    /// Twilio refuses the credentials or the account.
    #[error("{host} answered {status}{}", .code.map_or(String::new(), |code| format!(" with error {code}")))]
    Refused {
        /// Whom we asked.
        host: String,
        /// HTTP status.
        status: u16,
        /// Twilio's error code.
        code: Option<i32>,
    },
}

/// The client. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub(crate) struct Twilio {
    client: Client,
    account_url: Url,
    messages_url: Url,
    user: String,
    password: Secret,
    sender: Sender,
    smart_encoded: bool,
}

impl Twilio {
    /// Makes the client: HTTP/1.1 with kept connections, no redirects, no retries. The usual proxy variables count,
    /// except for a simulator on this machine.
    pub(crate) fn new(config: &TwilioConfig) -> Result<Self, TwilioError> {
        let mut client = Client::builder();
        if is_loopback(&config.api_base_url) {
            client = client.no_proxy();
        }
        let client = client
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.request_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("pg_herald/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(TwilioError::Client)?;
        let (user, password) = match (&config.api_key, config.auth_tokens.first()) {
            (Some((key, secret)), _) => (key.clone(), secret.clone()),
            (None, token) => {
                let token = token.cloned().unwrap_or_else(|| Secret::new(""));
                (config.account_sid.clone(), token)
            }
        };
        let account = format!("/2010-04-01/Accounts/{}", config.account_sid);
        let url = |path: &str| {
            let mut url = config.api_base_url.clone();
            url.set_path(path);
            url
        };
        Ok(Self {
            client,
            account_url: url(&format!("{account}.json")),
            messages_url: url(&format!("{account}/Messages.json")),
            user,
            password,
            sender: config.sender.clone(),
            smart_encoded: config.smart_encoded,
        })
    }

    /// Who the texts come from: number, short code, sender ID or Messaging Service.
    pub(crate) fn sender(&self) -> &str {
        match &self.sender {
            Sender::From(sender) | Sender::MessagingService(sender) => sender,
        }
    }

    /// Whether Twilio would refuse this body for its length.
    fn is_too_long(&self, body: &str) -> bool {
        let sent = if self.smart_encoded {
            smart_encode(body)
        } else {
            Cow::Borrowed(body)
        };
        body_characters(&sent) > MAX_BODY_CHARACTERS
    }

    /// Asks Twilio to send one text. Never fails: whatever happens is an [`Answer`]. `may_write` is asked when the request is about
    /// to be written; after its no the answer is "not sent".
    pub(crate) async fn create(
        &self,
        text: &Create<'_>,
        may_write: impl Fn() -> bool + Send + Sync + Unpin + 'static,
    ) -> Answer {
        let started = Instant::now();
        if self.is_too_long(text.body) {
            return Answer {
                error_code: Some(TOO_LONG),
                ..Answer::without_response(Outcome::Rejected, "too_long", started.elapsed())
            };
        }
        let validity = text
            .validity_seconds
            .map(|seconds| seconds.clamp(1, 36_000).to_string());
        let mut form = vec![
            ("To", text.to),
            ("Body", text.body),
            ("StatusCallback", text.status_callback),
        ];
        form.push(match &self.sender {
            Sender::From(from) => ("From", from),
            Sender::MessagingService(sid) => ("MessagingServiceSid", sid),
        });
        if let Some(validity) = &validity {
            form.push(("ValidityPeriod", validity));
        }
        if self.smart_encoded {
            form.push(("SmartEncoded", "true"));
        }
        let request = self
            .client
            .post(self.messages_url.clone())
            .basic_auth(&self.user, Some(self.password.expose()))
            .form(&form)
            .build();
        let not_sent =
            |reason| Answer::without_response(Outcome::NotSent, reason, started.elapsed());
        let Ok(mut request) = request else {
            return not_sent("request");
        };
        let form = request.body().and_then(Body::as_bytes).unwrap_or_default();
        let (body, refused) = LastLook::new(form, may_write);
        *request.body_mut() = Some(Body::wrap(body));
        let answer = self.client.execute(request).await;
        if refused.load(Ordering::SeqCst) {
            return not_sent("late");
        }
        match answer {
            Ok(response) => read_answer(response, started).await,
            Err(error) => without_answer(&error, started.elapsed()),
        }
    }

    /// Asks Twilio for the account, which proves host, credentials and account SID. Returns the account's status.
    pub(crate) async fn account_status(&self) -> Result<String, TwilioError> {
        let account = self.resource(self.account_url.clone()).await?;
        Ok(account["status"].as_str().unwrap_or("unknown").to_owned())
    }

    /// A request with our credentials, still to be completed and sent.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client
            .request(method, url)
            .basic_auth(&self.user, Some(self.password.expose()))
    }

    /// Gets a resource of Twilio's as JSON.
    pub(crate) async fn resource(&self, url: Url) -> Result<serde_json::Value, TwilioError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let response = match self.request(Method::GET, url).send().await {
            Ok(response) => response,
            Err(error) => return Err(TwilioError::NoAnswer(host, error.without_url())),
        };
        let status = response.status();
        let body = read_limited(response).await.unwrap_or_default();
        if !status.is_success() {
            let code = serde_json::from_slice::<ErrorBody>(&body)
                .ok()
                .and_then(|body| body.code);
            return Err(TwilioError::Refused {
                host,
                status: status.as_u16(),
                code,
            });
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}
