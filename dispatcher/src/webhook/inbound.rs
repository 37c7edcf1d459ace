//! `POST /twilio/inbound`: a text that somebody sent us. (`GET`, if the number is configured so at Twilio.)
//!
//! As a status callback: signature first, answered after the commit, 503 if that takes too long. The answer may carry
//! words: Twilio sends them back. Our words are decided in the database, so that a repetition gets the same ones.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use herald_core::twiml;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Handled, STORE_TIMEOUT, Webhook, parameters};
use crate::callbacks::Pending;
use crate::inbound::Done;

/// Handles one text that came in.
pub(crate) async fn inbound(
    State(webhook): State<Arc<Webhook>>,
    request: Request<Body>,
) -> Response {
    let started = Instant::now();
    let outcome = webhook.take(request).await;
    let handled = match &outcome {
        Ok(done) if done.result == "duplicate" => Handled::Repeated,
        Ok(_) => Handled::Stored,
        Err(handled) => *handled,
    };
    let (result, status) = handled.answer();
    webhook
        .metrics
        .webhook("inbound", result, started.elapsed());
    match outcome {
        Ok(done) => {
            webhook.metrics.inbound(&done);
            webhook.answer(&done)
        }
        Err(_) => status.into_response(),
    }
}

impl Webhook {
    async fn take(&self, request: Request<Body>) -> Result<Done, Handled> {
        let (head, form) = self.admit(request).await?;
        let params = match head.method {
            // The signature covers the URL, and all of it is there.
            Method::GET => query_parameters(head.uri.query().unwrap_or_default()),
            _ => form.params,
        };
        let Some(text) = self.inbound_policy.read(parameters(&params)) else {
            tracing::warn!(
                "a signed request without MessageSid, From and To came to the URL for inbound texts"
            );
            return Err(Handled::Malformed);
        };
        let (stored, done) = oneshot::channel();
        let pending = Pending {
            record: text,
            stored,
        };
        if self.texts.send(pending).is_err() {
            return Err(Handled::Unavailable);
        }
        match timeout(STORE_TIMEOUT, done).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Handled::Unavailable),
        }
    }

    fn answer(&self, done: &Done) -> Response {
        if !self.inbound_policy.answers {
            return StatusCode::NO_CONTENT.into_response();
        }
        let document = twiml::messaging_response(done.reply.as_deref());
        ([(header::CONTENT_TYPE, twiml::CONTENT_TYPE)], document).into_response()
    }
}

fn query_parameters(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}
