//! kill -9 and SIGTERM under load: nobody is texted twice, nobody is forgotten.

use crate::assert_sent_once_or_in_doubt;
use herald_tests::people::{self, phone_number};
use herald_tests::simulator::{CallbackSettings, NextRequests};
use herald_tests::{Outcome, Stack, stack};
use std::time::Duration;

async fn slow_provider(stack: &Stack, latency_ms: u64) -> Outcome<()> {
    stack
        .simulator
        .next(&NextRequests {
            count: 100_000,
            latency_ms: Some(latency_ms),
            ..NextRequests::default()
        })
        .await
}

#[tokio::test]
async fn kill_9_under_load_sends_nobody_two_texts_and_forgets_nobody() -> Outcome<()> {
    const MESSAGES: u32 = 400;
    let mut stack = Stack::start().await?;
    let mut users = Vec::new();
    for n in 0..MESSAGES {
        users.push(people::add_user(&stack.client, &phone_number(n)).await?);
    }
    slow_provider(&stack, 30).await?;
    let application = stack.connect().await?;
    let emitting = tokio::spawn(async move {
        for (n, user) in users.iter().enumerate() {
            stack::emit(&application, user, &format!("task {n:03}")).await?;
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        Outcome::Ok(())
    });
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
        stack.daemon.kill();
        stack.expire_leases().await?;
        stack.daemon.start().await?;
    }
    emitting.await??;
    stack
        .wait_for_sql(
            "nothing is queued",
            "select not exists (select from herald.queue_jobs)",
        )
        .await?;
    stack.daemon.kill();
    stack.expire_leases().await?;
    stack.daemon.start().await?;
    stack.wait_until_nothing_waits().await?;

    assert_sent_once_or_in_doubt(&stack, MESSAGES).await
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight() -> Outcome<()> {
    const MESSAGES: u32 = 60;
    let mut stack = Stack::start().await?;
    slow_provider(&stack, 300).await?;
    for n in 0..MESSAGES {
        let user = stack.seed_user(n).await?;
        stack.emit(&user, &format!("task {n:03}")).await?;
    }
    stack
        .wait_until("requests are under way", stack::PATIENCE, async || {
            Ok(stack.simulator.requests().await? > 0)
        })
        .await?;
    let status = stack.daemon.terminate(Duration::from_secs(45)).await?;
    assert!(status.success(), "{status}: {}", stack.daemon.log_text()?);

    let in_flight: i64 = stack
        .value("select count(*) from herald.dispatch_batches")
        .await?;
    assert_eq!(
        in_flight,
        0,
        "what was claimed is written down\n{}",
        stack.report().await
    );
    let recorded: i64 = stack
        .value("select count(*) from herald.sms_send_attempts where outcome = 'accepted'")
        .await?;
    assert_eq!(
        recorded,
        i64::try_from(stack.simulator.accepted().await?.len())?
    );

    stack.daemon.start().await?;
    stack.wait_until_nothing_waits().await?;
    let accepted = stack.simulator.accepted_per_body().await?;
    assert_eq!(accepted.len(), MESSAGES as usize);
    assert!(accepted.values().all(|times| *times == 1), "{accepted:?}");
    Ok(())
}

#[tokio::test]
async fn a_frozen_daemon_whose_leases_ran_out_writes_nothing_over_them() -> Outcome<()> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    slow_provider(&stack, 2000).await?;
    // Later than the answer, and later than this test needs to freeze the daemon.
    let callbacks = CallbackSettings {
        callback_delays_ms: Some([("sent", 3000)].into()),
        ..CallbackSettings::default()
    };
    stack.simulator.settings(&callbacks).await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "it is claimed",
            "select status = 'queued' from herald.sms_messages",
        )
        .await?;
    // It renews no lease in the first third of one, so nothing of that kind is on its way.
    stack.daemon.pause()?;
    stack.end_leases_now().await?;
    stack
        .value::<i32>("select expire_dispatch_leases()")
        .await?;
    let status: String = stack
        .value("select status from herald.sms_messages")
        .await?;
    assert_eq!(status, "unknown", "{}", stack.report().await);
    stack.daemon.resume()?;
    // The late answer changes nothing, the callback settles it; it is never sent again.
    stack
        .wait_for_sql(
            "the message is settled",
            "select status = 'delivered' from herald.sms_messages",
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, 1);
    Ok(())
}
