//! Postgres goes away and comes back; the daemon says so and goes on by itself.

use crate::assert_sent_once_or_in_doubt;
use herald_tests::cluster::Stop;
use herald_tests::stack::{self, PATIENCE};
use herald_tests::{Outcome, Stack};
use std::time::Duration;

#[tokio::test]
async fn the_daemon_reconnects_when_postgres_comes_back() -> Outcome<()> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "before the outage").await?;
    stack.wait_until_settled().await?;

    stack.cluster.stop(Stop::Fast)?;
    stack
        .wait_until("the daemon says it is not ready", PATIENCE, async || {
            Ok(!stack.daemon.is_ready().await)
        })
        .await?;
    assert_eq!(
        stack.daemon.get("/livez").await?.0,
        200,
        "alive, but not ready"
    );
    stack.cluster.start_again()?;
    stack.client = stack.connect().await?;
    stack.daemon.wait_ready(PATIENCE).await?;
    stack.emit(&user, "after the outage").await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_daemon_that_may_not_claim_says_so_until_it_may() -> Outcome<()> {
    let stack = Stack::start().await?;
    // Nothing is due any more, and the daemon has stopped looking for it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stack
        .client
        .batch_execute(
            "revoke execute on function claim_sms_messages(uuid, integer) from herald_dispatcher",
        )
        .await?;
    stack
        .wait_until("the daemon says it is not ready", PATIENCE, async || {
            Ok(!stack.daemon.is_ready().await)
        })
        .await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "while it may not").await?;

    stack
        .client
        .batch_execute("select herald_grant('dispatcher', 'herald_dispatcher')")
        .await?;
    stack.daemon.wait_ready(PATIENCE).await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_crash_of_postgres_under_load_sends_nobody_two_texts() -> Outcome<()> {
    const MESSAGES: u32 = 60;
    let mut stack = Stack::start().await?;
    for n in 0..MESSAGES {
        let user = stack.seed_user(n).await?;
        stack::emit(&stack.client, &user, &format!("task {n:03}")).await?;
    }
    stack.cluster.restart(Stop::Immediate)?;
    stack.client = stack.connect().await?;
    stack.daemon.wait_ready(PATIENCE).await?;
    stack.wait_until_nothing_waits().await?;
    assert_sent_once_or_in_doubt(&stack, MESSAGES).await
}
