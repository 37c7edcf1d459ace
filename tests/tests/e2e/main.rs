//! The whole system on real parts: Postgres with the extension, the daemon, and HTTP to the Twilio simulator and back.
//!
//! `./dev test e2e` builds what these tests need and runs them. Each test has a cluster of its own.
#![forbid(unsafe_code)]

mod callbacks;
mod crash;
mod dump_restore;
mod log_privacy;
mod outage;
mod readme;
mod roles;
mod scheduled;
mod transactions;
mod whole_path;

use herald_tests::{Failure, Outcome};
use tokio_postgres::Error;

/// The SQLSTATE a statement was refused with.
fn refusal<T>(result: Result<T, Error>) -> Outcome<String> {
    match result {
        Ok(_) => Err(Failure::new("the statement should have been refused")),
        Err(error) => match error.code() {
            Some(code) => Ok(code.code().to_string()),
            None => Err(error.into()),
        },
    }
}

/// SQLSTATE of "permission denied".
const INSUFFICIENT_PRIVILEGE: &str = "42501";
