//! `herald resolve`: an operator decides what became of a text in doubt.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use crate::cli::{Decision, ResolveArgs};
use crate::config::Config;
use crate::database::Database;
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::store;

/// Writes the decision. 1 if Postgres refuses it, 69 if Postgres does not answer.
pub(crate) async fn resolve(config: &Config, args: &ResolveArgs) -> Exit {
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => {
            eprintln!("herald: {problem}");
            return Exit::Config;
        }
    };
    let sid = match &args.decision {
        Decision::Accepted { sid } => Some(sid.as_str()),
        Decision::NotSent => None,
    };
    let mut link = Link::new(database, Counter::default());
    match store::resolve(&mut link, args.message, sid).await {
        Ok(status) => {
            print(&format!("{} is {status} now\n", args.message));
            Exit::Done
        }
        Err(error) => {
            eprintln!("herald: {}", chain(&error));
            match error.sqlstate() {
                Some(_) => Exit::Problems,
                None => Exit::Unavailable,
            }
        }
    }
}
