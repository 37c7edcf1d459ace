//! Signed status callbacks: their parameters and the requests that carry them.
//!
//! Sources: <https://www.twilio.com/docs/messaging/guides/track-outbound-message-status> and
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security>.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use herald_core::signature;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use uuid::Uuid;

use crate::callback_target::{CallbackTarget, TryOutcome};
use crate::simulator::Simulator;
use crate::status::TwilioStatus;
use crate::store::Message;

/// Requests under way at once. Twilio has its own limits; this one keeps big runs within the file descriptors.
const MAX_CONCURRENT_REQUESTS: usize = 256;

/// One status to report.
#[derive(Debug)]
pub(crate) struct Callback {
    pub(crate) status: TwilioStatus,
    params: Vec<(String, String)>,
    /// Equal on all tries.
    pub(crate) idempotency_token: String,
}

/// The HTTP side of callbacks.
pub(crate) struct Courier {
    /// One client for each connect time-out asked for: reqwest sets it per client.
    clients: Mutex<HashMap<Duration, Client>>,
    permits: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            clients: Mutex::default(),
            permits: Semaphore::new(MAX_CONCURRENT_REQUESTS),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Callback {
    /// The report of the status `message` has now.
    pub(crate) fn new(message: &Message, account_sid: &str) -> Self {
        let mut params = vec![
            ("ApiVersion", "2010-04-01"),
            ("MessageSid", &message.sid),
            ("SmsSid", &message.sid),
            ("MessageStatus", message.status.as_str()),
            ("SmsStatus", message.status.as_str()),
            ("AccountSid", account_sid),
            ("To", &message.to),
        ];
        params.extend(message.from.as_deref().map(|from| ("From", from)));
        let service = message.messaging_service_sid.as_deref();
        params.extend(service.map(|sid| ("MessagingServiceSid", sid)));
        let error_code = message.error_code.map(|code| code.to_string());
        params.extend(error_code.as_deref().map(|code| ("ErrorCode", code)));
        let has_receipt = matches!(
            message.status,
            TwilioStatus::Delivered | TwilioStatus::Undelivered
        );
        let receipt = has_receipt.then(|| message.date_updated.format("%y%m%d%H%M").to_string());
        params.extend(receipt.as_deref().map(|time| ("RawDlrDoneDate", time)));

        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Self {
            status: message.status,
            params: params.into_iter().map(owned).collect(),
            idempotency_token: Uuid::new_v4().to_string(),
        }
    }
}

impl Callback {
    /// What is sent, for a request that is made elsewhere.
    pub(crate) fn into_params(self) -> Vec<(String, String)> {
        self.params
    }
}

impl Courier {
    /// Hands a callback to [`crate::delivery::deliver_all`] and counts it as waiting.
    pub(crate) fn expect(&self, outbox: &mpsc::UnboundedSender<Callback>, callback: Callback) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if outbox.send(callback).is_err() {
            self.finish();
        }
    }

    /// Callbacks that are due and not finished.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place among the requests under way. The semaphore is never closed.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// One callback less is waiting.
    pub(crate) fn finish(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The client with this connect time-out.
    pub(crate) fn client(&self, connect_timeout: Duration) -> reqwest::Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let builder = || {
            Client::builder()
                .connect_timeout(connect_timeout)
                .user_agent("TwilioProxy/1.1")
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
        };
        // A machine without CA certificates can still receive callbacks over http.
        let client = builder().build().or_else(|error| {
            tracing::warn!(%error, "no CA certificates: callbacks to https URLs will fail");
            builder().tls_certs_only([]).build()
        })?;
        clients.insert(connect_timeout, client.clone());
        Ok(client)
    }

    /// Sends a callback once.
    pub(crate) async fn request(
        &self,
        simulator: &Simulator,
        target: &CallbackTarget,
        callback: &Callback,
        timeout: Duration,
    ) -> TryOutcome {
        let client = match self.client(target.overrides.connect) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "no HTTP client can be made; the callback is not sent");
                return TryOutcome::NoConnection;
            }
        };
        let token = simulator.credentials.tokens().primary.clone();
        let signature = signature::sign(&token, &target.signed_url, &callback.params);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&callback.params)
            .finish();
        let request = client
            .post(target.url.clone())
            .timeout(timeout)
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .header("X-Twilio-Signature", signature)
            .header("I-Twilio-Idempotency-Token", &callback.idempotency_token)
            .body(body);
        match send(target, request).await {
            Ok(response) => TryOutcome::Answered(response.status().as_u16()),
            Err(error) if error.is_connect() => TryOutcome::NoConnection,
            Err(_) => TryOutcome::NoAnswer,
        }
    }
}

/// Sends a webhook request. With a user in the URL it goes without credentials first, and with them when the receiver
/// asks for HTTP Basic.
pub(crate) async fn send(
    target: &CallbackTarget,
    request: RequestBuilder,
) -> reqwest::Result<Response> {
    let again = target.credentials.as_ref().and_then(|(user, password)| {
        let again = request.try_clone()?;
        Some(again.basic_auth(user, Some(password)))
    });
    let answer = request.send().await?;
    match again {
        Some(again) if asks_for_basic(&answer) => again.send().await,
        _ => Ok(answer),
    }
}

fn asks_for_basic(response: &Response) -> bool {
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|value| value.to_str().ok());
    response.status() == StatusCode::UNAUTHORIZED
        && challenge.is_some_and(|value| value.to_ascii_lowercase().starts_with("basic"))
}
