//! The HTTP server: webhook, health and metrics on one address.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::health::Health;
use crate::webhook::{self, Webhook};

/// Connections at the same time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take for the head of a request, idle time between requests included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open requests may take at the end: as long as a callback may wait for its commit, and a little.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(9);

/// All paths.
pub(crate) fn router(webhook: Arc<Webhook>, health: Arc<Health>) -> Router {
    Router::new()
        .route("/twilio/status", post(webhook::status))
        .route(
            "/twilio/inbound",
            post(webhook::inbound).get(webhook::inbound),
        )
        .with_state(webhook)
        .merge(
            Router::new()
                .route("/livez", get(livez))
                .route("/readyz", get(readyz))
                .route("/metrics", get(metrics))
                .with_state(health),
        )
}

async fn livez(State(health): State<Arc<Health>>) -> (StatusCode, &'static str) {
    if health.is_alive() {
        (StatusCode::OK, "alive\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the main loop hangs\n")
    }
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let (ready, body) = health.readiness().await;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        health.metrics().await,
    )
        .into_response()
}

/// Serves until `stop`, then lets open requests finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(router);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to be closed.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "HTTP connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    if timeout(CLOSE_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some HTTP requests were cut off");
    }
}

#[cfg(test)]
mod tests {
    use herald_core::keywords::Handling;
    use herald_core::signature::Verifier;
    use prometheus_client::metrics::counter::Counter;
    use tokio::sync::{mpsc, oneshot, watch};

    use super::*;
    use crate::config::Sender;
    use crate::database::tests::absent;
    use crate::inbound::Policy;
    use crate::link::Link;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn health_tells_the_truth_while_postgres_is_away_and_the_server_ends_when_told() {
        let (_hello, hello) = watch::channel(None);
        let metrics = Arc::new(Metrics::new());
        let link = Link::new(absent(), Counter::default());
        let health = Arc::new(Health::new(
            link,
            hello.clone(),
            watch::channel(true).1,
            metrics.clone(),
        ));
        let (callbacks, _received) = mpsc::unbounded_channel();
        let (texts, _came) = mpsc::unbounded_channel();
        let verifier = Verifier::new("https://h.example", vec!["12345".to_owned()]);
        let webhook = Arc::new(Webhook {
            verifier,
            hello,
            callbacks,
            texts,
            inbound_policy: Policy {
                keywords: Handling::Default,
                answers: true,
                sender: Sender::From("+15005550006".to_owned()),
            },
            metrics,
        });

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let server = tokio::spawn(serve(listener, router(webhook, health), stopped));

        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str| {
            let response = client.get(format!("{base}{path}")).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        assert_eq!(get("/livez").await.0, 200);
        let (status, body) = get("/readyz").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["ready"]), (503, &false.into()));
        assert!(
            body["database"]["error"]
                .as_str()
                .unwrap()
                .contains("refused"),
            "{body}"
        );
        assert_eq!(body["wake_up"]["mode"], "poll");
        let (status, text) = get("/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains("herald_db_connected 0"), "{text}");
        assert_eq!(get("/twilio/status").await.0, 405);
        assert_eq!(get("/elsewhere").await.0, 404);
        let forged = client
            .post(format!("{base}/twilio/status"))
            .body("x=1")
            .send()
            .await
            .unwrap();
        assert_eq!(forged.status().as_u16(), 403);

        stop.send(()).unwrap();
        server.await.unwrap();
        assert!(client.get(format!("{base}/livez")).send().await.is_err());
    }
}
