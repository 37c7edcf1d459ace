//! A webhook receiver that checks every signature.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use herald_core::signature::Verifier;

use crate::simulator::{TOKEN, eventually};

/// A callback as it came in, with a valid signature.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) target: String,
    pub(crate) params: HashMap<String, String>,
    pub(crate) idempotency_token: String,
}

/// An answer of the receiver.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Reply {
    /// TwiML.
    pub(crate) fn xml(body: &str) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/xml",
            body: body.to_owned(),
        }
    }

    /// Nothing but a status.
    fn empty(status: StatusCode) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body: String::new(),
        }
    }
}

/// A server that takes callbacks.
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Shared>,
}

struct Shared {
    verifier: Verifier,
    received: Mutex<Vec<Result<Received, String>>>,
    answers: Mutex<VecDeque<Reply>>,
}

impl Receiver {
    /// Starts one that answers with these statuses, one after the other, and then 204.
    pub(crate) async fn start(answers: &[u16]) -> Self {
        Self::start_as(TOKEN, answers).await
    }

    /// Starts one that takes what is signed with another token.
    pub(crate) async fn start_with_token(token: &str) -> Self {
        Self::start_as(token, &[]).await
    }

    async fn start_as(token: &str, answers: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Shared {
            verifier: Verifier::new(&url, vec![token.to_owned()]),
            received: Mutex::default(),
            answers: Mutex::new(
                answers
                    .iter()
                    .map(|status| Reply::empty(StatusCode::from_u16(*status).unwrap()))
                    .collect(),
            ),
        });
        let router = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Answers the next request like this.
    pub(crate) fn answer(&self, reply: Reply) {
        self.state.answers.lock().unwrap().push_back(reply);
    }

    /// What came in so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let received = self.state.received.lock().unwrap();
        received
            .iter()
            .map(|callback| callback.clone().unwrap())
            .collect()
    }

    /// Waits for this many callbacks.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

/// The statuses in the order they came.
pub(crate) fn statuses(received: &[Received]) -> Vec<&str> {
    received
        .iter()
        .map(|callback| callback.params["MessageStatus"].as_str())
        .collect()
}

async fn receive(
    State(state): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let value = |name| headers.get(name).map(|value| value.to_str().unwrap());
    let signature = value("x-twilio-signature");
    let verified = state
        .verifier
        .verify(&uri.to_string(), &body, value("content-type"), signature);
    let received = verified
        .map(|form| Received {
            target: uri.to_string(),
            params: form.params.into_iter().collect(),
            idempotency_token: value("i-twilio-idempotency-token")
                .unwrap_or_default()
                .to_owned(),
        })
        .map_err(|error| error.to_string());
    state.received.lock().unwrap().push(received);
    let reply = state.answers.lock().unwrap().pop_front();
    let reply = reply.unwrap_or_else(|| Reply::empty(StatusCode::NO_CONTENT));
    (
        reply.status,
        [(header::CONTENT_TYPE, reply.content_type)],
        reply.body,
    )
}
