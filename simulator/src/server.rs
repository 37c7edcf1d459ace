//! The HTTP server: its routes, its start and its orderly end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::Options;
use crate::connection::{Peer, ResettableListener};
use crate::error::ApiError;
use crate::identifiers::new_sid;
use crate::simulator::Simulator;
use crate::{account, control, inbound, messages, verify};

/// How long requests under way may take after SIGTERM. A stalled one never ends by itself.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// The value of the `Twilio-Request-Id` header.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// The asynchronous runtime did not start.
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Listen(SocketAddr, io::Error),
    /// Signals cannot be received.
    #[error("cannot wait for SIGTERM: {0}")]
    Signal(io::Error),
    /// Nobody reads stdout.
    #[error("cannot write the address to stdout: {0}")]
    Stdout(io::Error),
    /// The server stopped by itself.
    #[error("the server stopped: {0}")]
    Serve(io::Error),
}

/// Listens, announces the address on stdout and serves until SIGTERM or SIGINT.
pub(crate) async fn run(options: Options) -> Result<(), ServerError> {
    let mut stopped = stop_signal()?;
    let wanted = options.listen;
    let listen_error = |error| ServerError::Listen(wanted, error);
    let listener = TcpListener::bind(wanted).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let simulator = Arc::new(Simulator::new(options));
    announce(address).map_err(ServerError::Stdout)?;

    let service = router(Arc::clone(&simulator)).into_make_service_with_connect_info::<Peer>();
    let mut draining = stopped.clone();
    let server =
        axum::serve(ResettableListener(listener), service).with_graceful_shutdown(async move {
            wait(&mut draining).await;
        });
    let served = tokio::select! {
        served = server => served.map_err(ServerError::Serve),
        () = grace_after(&mut stopped) => {
            tracing::warn!("requests that were still under way get no answer");
            Ok(())
        }
    };
    report_unfinished(&simulator);
    served
}

/// Twilio's side: each family of endpoints has its routes in its own module.
fn twilio_routes() -> Router<Arc<Simulator>> {
    Router::new()
        .merge(account::routes())
        .merge(messages::routes())
        .merge(verify::routes())
}

/// The control side, likewise.
fn control_routes() -> Router<Arc<Simulator>> {
    Router::new()
        .merge(control::routes())
        .merge(verify::control::routes())
        .merge(inbound::control::routes())
}

fn router(simulator: Arc<Simulator>) -> Router {
    twilio_routes()
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 20004, "Method not allowed")
        })
        .fallback(async |uri: Uri| ApiError::not_found(uri.path()))
        .layer(middleware::from_fn(identify))
        .nest("/_sim", control::guarded(control_routes()))
        .with_state(simulator)
}

/// Gives the request an id and shows it in the answer.
async fn identify(mut request: Request, next: Next) -> Response {
    let id = new_sid("RQ");
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert("twilio-request-id", value);
    }
    response
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

/// Turns true at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<watch::Receiver<bool>, ServerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signal)?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

async fn wait(stopped: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, which happens only at the end of the process.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn grace_after(stopped: &mut watch::Receiver<bool>) {
    wait(stopped).await;
    tokio::time::sleep(SHUTDOWN_GRACE).await;
}

/// State lives in memory, so the end says what it cuts off.
fn report_unfinished(simulator: &Simulator) {
    let callbacks_unsent = simulator.courier.waiting();
    let store = simulator.store();
    let accepted = store.messages().len();
    let is_under_way = |message: &&crate::store::Message| !message.status.is_final();
    let without_final_status = store.messages().iter().filter(is_under_way).count();
    if callbacks_unsent == 0 && without_final_status == 0 {
        tracing::info!(accepted, "stopped");
        return;
    }
    tracing::warn!(
        accepted,
        without_final_status,
        callbacks_unsent,
        "stopped with work left"
    );
}
