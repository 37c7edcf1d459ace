//! The whole system on real parts: Postgres with the extension, the daemon, and HTTP to the Twilio simulator and back.
//!
//! `./dev test e2e` builds what these tests need and runs them. Each test has a cluster of its own.
#![forbid(unsafe_code)]

mod all_faults;
mod arming;
mod callbacks;
mod connections;
mod crash;
mod dump_restore;
mod errors;
mod inbound;
mod limits;
mod log_privacy;
mod operation;
mod outage;
mod plans;
mod readme;
mod roles;
mod scheduled;
mod transactions;
mod unknown;
mod verification;
mod whole_path;
mod why;
mod worlds;

use herald_tests::{Failure, Outcome, Stack};
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

/// Compares what the provider accepted with what the database says: nobody twice, and nobody forgotten. Texts must differ.
async fn assert_sent_once_or_in_doubt(stack: &Stack, messages: u32) -> Outcome<()> {
    let accepted = stack.simulator.accepted_per_body().await?;
    let rows = stack
        .client
        .query(
            "select message_content, status from herald.sms_messages",
            &[],
        )
        .await?;
    assert_eq!(rows.len(), messages as usize);
    for row in &rows {
        let (body, status): (String, String) = (row.get(0), row.get(1));
        let times = accepted.get(&body).copied().unwrap_or(0);
        assert!(
            times <= 1,
            "{body} was sent {times} times\n{}",
            stack.report().await
        );
        assert!(
            times == 1 || status == "unknown",
            "{body} is {status} and was never sent\n{}",
            stack.report().await
        );
    }
    let rows_of_accepted = rows
        .iter()
        .filter(|row| accepted.contains_key(row.get::<_, &str>(0)))
        .count();
    assert_eq!(
        accepted.len(),
        rows_of_accepted,
        "every accepted text has its row"
    );
    Ok(())
}
