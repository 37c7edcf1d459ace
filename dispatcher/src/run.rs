//! `herald run`: opens everything, watches over the tasks, and takes it down in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use herald_core::signature::Verifier;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::callbacks::Recorder;
use crate::claim::{MainLoop, Parts};
use crate::complete::Writer;
use crate::config::{Config, Secret};
use crate::database::Database;
use crate::error::chain;
use crate::exit::Exit;
use crate::health::Health;
use crate::http;
use crate::inbound::Policy;
use crate::inflight::InFlight;
use crate::janitor::Janitor;
use crate::journal::Journal;
use crate::link::Link;
use crate::listen::Listener;
use crate::metrics::Metrics;
use crate::output::print;
use crate::reconcile::Reconciler;
use crate::send::Sender;
use crate::shutdown::{Shutdown, Signals, Trigger};
use crate::state::{StateDir, StateError};
use crate::systemd::Systemd;
use crate::twilio::Twilio;
use crate::verify::{PhoneVerifier, VerifyClient};
use crate::wake::Wake;
use crate::webhook::Webhook;

/// After the last request: time to write the results.
const FLUSH: Duration = Duration::from_secs(3);
/// At the very end: time for the HTTP server to finish what it answers.
const CLOSE: Duration = Duration::from_secs(10);

/// Runs the daemon until a signal stops it.
pub(crate) async fn run(config: Config) -> Exit {
    match Daemon::start(config).await {
        Ok(daemon) => daemon.supervise().await,
        Err(exit) => exit,
    }
}

/// The running tasks.
struct Daemon {
    signals: Signals,
    trigger: Trigger,
    shutdown: Shutdown,
    grace: Duration,
    in_flight: Arc<InFlight>,
    main_loop: JoinHandle<()>,
    verifier: JoinHandle<()>,
    /// End only at the end: the sender, the writer, the listener, the recorder.
    tasks: JoinSet<&'static str>,
    http: JoinHandle<()>,
    stop_http: oneshot::Sender<()>,
}

impl Daemon {
    async fn start(config: Config) -> Result<Self, Exit> {
        let signals =
            Signals::new().map_err(|error| internal("signals cannot be taken over", &error))?;
        let state = StateDir::open(&config.state_dir).map_err(|error| refuse_state(&error))?;
        let (http, address) = bind(config.listen).await?;
        let twilio =
            Twilio::new(&config.twilio).map_err(|error| internal("cannot start", &error))?;
        let database = Database::new(&config.database).map_err(|problem| {
            tracing::error!(error = %problem, "cannot start");
            Exit::Config
        })?;
        let database = Arc::new(database);
        let public_url = config
            .public_url
            .unwrap_or_else(|| format!("http://{address}"));

        let worker = Uuid::now_v7();
        let metrics = Arc::new(Metrics::new());
        let link = || Link::new(database.clone(), metrics.reconnects());
        let (trigger, shutdown) = Trigger::new();
        let (hello, hello_seen) = watch::channel(None);
        let (armed, armed_seen) = watch::channel(false);
        let (jobs, claimed) = mpsc::unbounded_channel();
        let (results, answered) = mpsc::unbounded_channel();
        let (callbacks, received) = mpsc::unbounded_channel();
        let (texts, came) = mpsc::unbounded_channel();
        let in_flight = Arc::new(InFlight::default());
        let wake = Arc::new(Wake::default());
        let health = Arc::new(Health::new(
            link(),
            hello_seen.clone(),
            armed_seen.clone(),
            metrics.clone(),
        ));

        let tokens = config
            .twilio
            .auth_tokens
            .iter()
            .map(Secret::expose)
            .map(str::to_owned);
        let webhook = Arc::new(Webhook {
            verifier: Verifier::new(&public_url, tokens.collect()),
            hello: hello_seen.clone(),
            callbacks,
            texts,
            inbound_policy: Policy {
                keywords: config.twilio.keywords,
                answers: config.inbound_answers,
                sender: config.twilio.sender.clone(),
            },
            metrics: metrics.clone(),
        });
        let janitor = Janitor {
            link: link(),
            hello: hello_seen.clone(),
            metrics: metrics.clone(),
        };
        let reconciler = Reconciler {
            link: link(),
            twilio: twilio.clone(),
            sender: config.twilio.sender.clone(),
            armed: armed_seen.clone(),
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
        };
        let sender = Sender {
            twilio,
            public_url: public_url.as_str().into(),
            request_timeout: config.twilio.request_timeout,
            hello: hello_seen,
            in_flight: in_flight.clone(),
            results,
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
        };
        let writer = Writer {
            link: link(),
            worker,
            in_flight: in_flight.clone(),
            journal: Journal::new(state.path()),
        };
        let verifier = PhoneVerifier {
            link: link(),
            worker,
            client: VerifyClient::new(&config.twilio, &sender.twilio),
            hello: sender.hello.clone(),
            armed: armed_seen,
            wake: wake.clone(),
            request_timeout: config.twilio.request_timeout,
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
        };
        let recorder = Recorder { link: link() };
        let inbound = Recorder { link: link() };
        let listener = Listener {
            database: database.clone(),
            wake: wake.clone(),
            health: health.clone(),
        };
        let main_loop = MainLoop::new(Parts {
            link: link(),
            worker,
            concurrency: config.concurrency,
            request_timeout: config.twilio.request_timeout,
            hello,
            jobs: Some(jobs),
            in_flight: in_flight.clone(),
            wake,
            health: health.clone(),
            metrics,
            state,
            armed,
            shutdown: shutdown.clone(),
        });

        let (stop_http, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            // Either way: the other end asks for it or is gone.
            let _gone = stopped.await.is_err();
        };
        let mut tasks = JoinSet::new();
        let concurrency = config.concurrency;
        tasks.spawn(async move {
            if let Err(error) = sender.run(claimed, concurrency).await {
                tracing::error!(error = chain(&error), "the sender failed");
                return "failed";
            }
            "sender"
        });
        tasks.spawn(async move {
            writer.run(answered).await;
            "writer"
        });
        tasks.spawn(async move {
            recorder.run(received).await;
            "recorder"
        });
        tasks.spawn(async move {
            inbound.run(came).await;
            "inbound"
        });
        tasks.spawn(async move {
            janitor.run().await;
            "janitor"
        });
        tasks.spawn(async move {
            listener.run().await;
            "listener"
        });
        tasks.spawn(async move {
            reconciler.run().await;
            "reconciler"
        });
        announce(address, &public_url, worker);
        Ok(Self {
            signals,
            trigger,
            shutdown,
            grace: config.shutdown,
            in_flight,
            main_loop: tokio::spawn(main_loop.run()),
            verifier: tokio::spawn(verifier.run()),
            tasks,
            http: tokio::spawn(http::serve(http, http::router(webhook, health), stopped)),
            stop_http,
        })
    }

    /// Waits for a signal, or for a task to end that should not.
    async fn supervise(mut self) -> Exit {
        let signal = tokio::select! {
            signal = self.signals.next() => signal,
            ended = self.tasks.join_next() => return broken(&format!("{ended:?}")),
            ended = &mut self.main_loop => return broken(&format!("main loop: {ended:?}")),
            ended = &mut self.verifier => return broken(&format!("phone verifications: {ended:?}")),
            ended = &mut self.http => return broken(&format!("HTTP server: {ended:?}")),
        };
        tracing::info!(
            signal,
            grace_seconds = self.grace.as_secs(),
            "stopping: no new work is claimed"
        );
        Systemd::stopping();
        self.trigger.pull(self.grace);
        self.drain().await;

        if self.stop_http.send(()).is_err() || timeout(CLOSE, &mut self.http).await.is_err() {
            tracing::warn!("the HTTP server did not end in time");
        }
        let counts = self.in_flight.counts();
        if counts.sending + counts.unwritten > 0 {
            tracing::error!(
                sending = counts.sending,
                unwritten = counts.unwritten,
                "ended with results that are not in the database: their texts become unknown when the lease ends"
            );
            return Exit::Temporary;
        }
        tracing::info!("stopped");
        Exit::Done
    }

    /// Until everything claimed has its result in the database, or the time for it is over.
    async fn drain(&mut self) {
        loop {
            let over = async {
                self.shutdown.expired().await;
                sleep(FLUSH).await;
            };
            let work = async { tokio::join!(&mut self.main_loop, &mut self.verifier) };
            tokio::select! {
                (main_loop, verifier) = work => {
                    for ended in [main_loop, verifier] {
                        if let Err(error) = ended {
                            tracing::error!(error = chain(&error), "a task failed while stopping");
                        }
                    }
                    return;
                }
                () = over => return,
                signal = self.signals.next() => {
                    tracing::warn!(signal, "second signal: requests on their way count as unknown");
                    self.trigger.pull(Duration::ZERO);
                }
            }
        }
    }
}

fn refuse_state(error: &StateError) -> Exit {
    tracing::error!(error = chain(error), "cannot start");
    match error {
        StateError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Exit::Permission
        }
        StateError::InUse(_) => Exit::Unavailable,
        _ => Exit::Config,
    }
}

fn internal(what: &'static str, error: &dyn std::error::Error) -> Exit {
    tracing::error!(error = chain(error), what, "cannot start");
    Exit::Internal
}

fn broken(what: &str) -> Exit {
    tracing::error!(
        task = what,
        "a task ended that must not: ending, so that a new process starts clean"
    );
    Exit::Internal
}

async fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), Exit> {
    let bound = TcpListener::bind(listen).await.and_then(|http| {
        let address = http.local_addr()?;
        Ok((http, address))
    });
    bound.map_err(|error| {
        tracing::error!(
            addr = %listen, %error,
            "the HTTP address cannot be bound: set another one with HERALD_HTTP_LISTEN or http.listen"
        );
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Exit::Permission,
            _ => Exit::Unavailable,
        }
    })
}

/// One line on standard output, for whoever started us with port 0.
fn announce(address: SocketAddr, public_url: &str, worker: Uuid) {
    print(&format!("herald listening on http://{address}\n"));
    tracing::info!(addr = %address, public_url, %worker, "http listening");
}
