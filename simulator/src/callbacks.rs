//! Signed status callbacks: their parameters, their order, their retries.
//!
//! Sources: <https://www.twilio.com/docs/messaging/guides/track-outbound-message-status> and
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security>.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use herald_core::signature;
use reqwest::{Client, header};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use uuid::Uuid;

use crate::callback_target::{CallbackTarget, TryOutcome};
use crate::settings::CallbackMode;
use crate::simulator::Simulator;
use crate::status::TwilioStatus;
use crate::store::{CallbackTry, Message};

/// Requests under way at once. Twilio has its own limits; this one keeps big runs within the file descriptors.
const MAX_CONCURRENT_REQUESTS: usize = 256;

/// Pause before the first retry, doubled for each one after it. Twilio does not publish its pauses.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// One status to report.
#[derive(Debug)]
pub(crate) struct Callback {
    status: TwilioStatus,
    params: Vec<(String, String)>,
    idempotency_token: String,
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

impl Courier {
    /// Hands a callback to [`deliver_all`] and counts it as waiting.
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

    fn finish(&self) {
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

    async fn request(
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
        match request.send().await {
            Ok(response) => TryOutcome::Answered(response.status().as_u16()),
            Err(error) if error.is_connect() => TryOutcome::NoConnection,
            Err(_) => TryOutcome::NoAnswer,
        }
    }
}

/// Sends the callbacks of one message as they come, one after the other; in the mode `reverse` only when all are there.
pub(crate) async fn deliver_all(
    simulator: &Simulator,
    sid: &str,
    target: &CallbackTarget,
    mode: CallbackMode,
    mut inbox: mpsc::UnboundedReceiver<Callback>,
) {
    let mut held_back = Vec::new();
    while let Some(callback) = inbox.recv().await {
        if mode == CallbackMode::Reverse {
            held_back.push(callback);
            continue;
        }
        deliver(simulator, sid, target, &callback).await;
        if mode == CallbackMode::Duplicate {
            deliver(simulator, sid, target, &callback).await;
        }
        simulator.courier.finish();
    }
    for callback in held_back.iter().rev() {
        deliver(simulator, sid, target, callback).await;
        simulator.courier.finish();
    }
}

/// Sends one callback, with the retries its URL asks for.
async fn deliver(simulator: &Simulator, sid: &str, target: &CallbackTarget, callback: &Callback) {
    let overrides = &target.overrides;
    let mut deadline = None;
    for attempt in 0..=overrides.retries {
        if attempt > 0 {
            simulator
                .clock
                .sleep(RETRY_PAUSE * 2_u32.pow(attempt - 1))
                .await;
        }
        // The semaphore is never closed; waiting for it takes nothing from the time the receiver has.
        let _permit = simulator.courier.permits.acquire().await;
        if simulator.store().order(sid).is_none() {
            return;
        }
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + overrides.total);
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let at = simulator.clock.now();
        let outcome = simulator
            .courier
            .request(simulator, target, callback, overrides.read.min(left))
            .await;
        let (http_status, error) = match outcome {
            TryOutcome::Answered(status) => (Some(status), None),
            TryOutcome::NoConnection => (None, Some("no_connection")),
            TryOutcome::NoAnswer => (None, Some("no_answer")),
        };
        tracing::debug!(
            sid,
            status = callback.status.as_str(),
            attempt,
            http_status,
            error,
            "callback"
        );
        simulator.store().record_callback(
            sid,
            CallbackTry {
                status: callback.status,
                at,
                http_status,
                error,
                idempotency_token: callback.idempotency_token.clone(),
            },
        );
        if !overrides.retries_after(outcome) {
            return;
        }
    }
}
