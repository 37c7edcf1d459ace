//! A stand-alone HTTP server that answers like Twilio's Messages and Verify APIs, signs its callbacks and fails on demand.
//!
//! `twilio-simulator --help` tells how to use it; the API it imitates is documented at
//! <https://www.twilio.com/docs/messaging/api/message-resource>.
#![forbid(unsafe_code)]

mod account;
mod auth;
mod callback_target;
mod callbacks;
mod cli;
mod clock;
mod connection;
mod control;
mod course;
mod delivery;
mod error;
mod faults;
mod form;
mod identifiers;
mod inbound;
mod messages;
mod queues;
mod reporting;
mod request_log;
mod rules;
mod server;
mod settings;
mod simulator;
mod status;
mod store;
mod verify;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long name lookups still running at the end may hold the process up.
const RUNTIME_GRACE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let options = cli::Options::parse();
    start_logging();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("twilio-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: cli::Options) -> Result<(), server::ServerError> {
    // reqwest is built without a TLS provider of its own. An error only says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().map_err(server::ServerError::Runtime)?;
    let result = runtime.block_on(server::run(options));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    result
}

/// Logs go to stderr, so that stdout carries the address alone. `RUST_LOG` sets the level (default `info`).
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
