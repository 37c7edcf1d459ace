//! herald, the daemon and command line of pg_herald.
//!
//! Postgres decides what is sent and records what happened; this program carries it to Twilio and brings the answers
//! back. What it keeps is in its state directory and can be lost: any number of processes may run on one database, and each may be killed at any time.
#![forbid(unsafe_code)]

mod armed;
mod boottime;
mod breakers;
mod callbacks;
mod check;
mod claim;
mod cli;
mod complete;
mod config;
mod database;
mod error;
mod exit;
mod failpoints;
mod health;
#[cfg(test)]
mod histories;
mod http;
mod inbound;
mod inflight;
mod janitor;
mod journal;
mod leases;
mod link;
mod listen;
mod logging;
mod metrics;
mod output;
mod pace;
mod protocol;
mod reconcile;
mod records;
mod resolve;
mod run;
mod send;
mod shutdown;
mod state;
mod status;
mod store;
mod systemd;
mod twilio;
mod verify;
mod wake;
mod webhook;
mod why;

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::{Config, Problem, Sources};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("herald: another TLS provider is installed already; please report it");
        return Exit::Internal.into();
    }
    let sources = match Sources::of_process(cli.config) {
        Ok(sources) => sources,
        Err(problem) => return refuse(&[problem]).into(),
    };
    let exit = match cli.command {
        Command::Config => status::settings(&sources),
        Command::Check(args) => block_on(check::check(&sources, &args)),
        Command::Status(args) => match load(&sources) {
            Ok(config) => block_on(status::status(&config, &args)),
            Err(exit) => exit,
        },
        Command::Arm(args) => match load(&sources) {
            Ok(config) => block_on(armed::arm(&config, &args)),
            Err(exit) => exit,
        },
        Command::Resolve(args) => match load(&sources) {
            Ok(config) => block_on(resolve::resolve(&config, &args)),
            Err(exit) => exit,
        },
        Command::Why(args) => match load(&sources) {
            Ok(config) => block_on(why::why(&config, &args)),
            Err(exit) => exit,
        },
        Command::Run => match load(&sources) {
            Ok(config) => block_on(run::run(config)),
            Err(exit) => exit,
        },
    };
    exit.into()
}

/// The configuration, and the logger as it asks for.
fn load(sources: &Sources) -> Result<Config, Exit> {
    let config = Config::load(sources).map_err(|problems| refuse(&problems))?;
    logging::start(config.log_format, &config.log_level);
    Ok(config)
}

fn refuse(problems: &[Problem]) -> Exit {
    for problem in problems {
        eprintln!("herald: {problem}");
    }
    Exit::Config
}

/// Two threads carry more than any Twilio account sends, and keep an idle daemon small.
fn block_on(work: impl Future<Output = Exit>) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
            // Name look-ups that hang must not keep us.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            eprintln!("herald: the operating system gives no threads: {error}");
            Exit::Internal
        }
    }
}
