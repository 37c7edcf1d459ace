//! The HTTP server: its routes, its start and its orderly end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
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

/// How many requests of Twilio's side were under way with this one when it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConcurrentRequests(pub(crate) usize);

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
        .layer(middleware::from_fn_with_state(
            Arc::clone(&simulator),
            identify,
        ))
        .nest("/_sim", control::guarded(control_routes()))
        .with_state(simulator)
}

/// Gives the request an id, counts it among those under way, and shows both in the answer.
async fn identify(
    State(simulator): State<Arc<Simulator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let id = new_sid("RQ");
    let under_way = simulator.begin_request();
    let extensions = request.extensions_mut();
    extensions.insert(RequestId(id.clone()));
    extensions.insert(ConcurrentRequests(under_way.count));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("twilio-concurrent-requests", under_way.count.into());
    let duration = format!("{:.3}", start.elapsed().as_secs_f64());
    for (name, value) in [
        ("twilio-request-id", id),
        ("twilio-request-duration", duration),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
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
    let accepted = store.accepted().len();
    let is_under_way = |message: &&crate::store::Message| !message.status.is_final();
    let without_final_status = store.accepted().filter(is_under_way).count();
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
