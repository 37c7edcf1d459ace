//! The daemon is killed, frozen, or asked to stop, at random moments and at every step of the protocol.

use herald_tests::load::{Emitted, LoadOptions};
use herald_tests::stack::PATIENCE;
use herald_tests::trial::{LEASE, Trial};
use herald_tests::{Failure, Outcome, Stack};
use serde_json::json;
use std::time::Duration;

/// Answers take a while, so that requests are on their way when something happens.
pub(crate) async fn slow_answers(stack: &Stack, milliseconds: u64) -> Outcome<()> {
    let slow =
        json!({"seed": 1, "latency_ms": milliseconds, "probabilities": {"slow_answer": 1.0}});
    stack.simulator.post("/_sim/faults", &slow).await
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_random_moments() -> Outcome<()> {
    let mut trial = Trial::prepare("kill -9 at random moments").await?;
    slow_answers(&trial.stack, 150).await?;
    trial.stack.daemon.start().await?;
    // Until both is done: so many kills, and so many orders (a tenth is rolled back).
    let (kills, orders) = (trial.scale(8, 100), trial.scale(250, 11_500));
    let load = trial.load(LoadOptions {
        per_second: f64::from(trial.scale(30, 65)),
        transactions: Some(orders),
        ..LoadOptions::default()
    });
    let mut killed = 0;
    while killed < kills || !load.is_finished() {
        let most = u64::from(trial.scale(900, 1200));
        tokio::time::sleep(trial.random_ms(100..most)).await;
        trial.stack.daemon.kill();
        trial.stack.daemon.start().await?;
        killed += 1;
    }
    let emitted = load.finish().await?;
    trial.settle().await?;
    trial.judge(&emitted, killed).await?;
    Ok(())
}

const FAILPOINTS: [&str; 6] = [
    "claim_committed",
    "before_write",
    "after_write",
    "response_read",
    "before_result_commit",
    "after_result_commit",
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step() -> Outcome<()> {
    let mut trial = Trial::prepare("killed at each of six steps of the protocol").await?;
    // Longer than it takes a request to be written.
    slow_answers(&trial.stack, 120).await?;
    let load = trial.load(LoadOptions::default());
    let rounds = trial.scale(1, 10);
    for _ in 0..rounds {
        for point in FAILPOINTS {
            let most = if point.contains("commit") { 4 } else { 30 };
            let time = rand::Rng::random_range(&mut trial.dice, 1..=most);
            trial
                .stack
                .daemon
                .set("FAILPOINTS", &format!("{point}=abort@{time}"));
            trial.stack.daemon.start_unready().await?;
            let status = trial.stack.daemon.wait(PATIENCE).await?;
            if status.success() {
                return Err(Failure::new(format!(
                    "{point} did not end the daemon: {status}"
                )));
            }
        }
    }
    trial.stack.daemon.set("FAILPOINTS", "");
    trial.stack.daemon.start().await?;
    let emitted = load.stop().await?;
    trial.settle().await?;
    trial.judge(&emitted, rounds * 6).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_for_longer_than_the_lease() -> Outcome<()> {
    let mut trial = Trial::prepare("frozen (SIGSTOP) for longer than the lease").await?;
    slow_answers(&trial.stack, 700).await?;
    trial.stack.daemon.start().await?;
    let mut second = trial.another_daemon()?;
    second.start().await?;
    let mut third = trial.another_daemon()?;
    let load = trial.load(LoadOptions::default());
    let freezes = trial.scale(1, 4);
    for _ in 0..freezes {
        tokio::time::sleep(trial.random_ms(1000..2000)).await;
        // A third one ends their leases meanwhile; then they wake up with answers, and with claims of long ago.
        trial.stack.daemon.pause()?;
        second.pause()?;
        third.start().await?;
        tokio::time::sleep(LEASE + Duration::from_secs(7)).await;
        trial.stack.daemon.resume()?;
        second.resume()?;
        third.terminate(PATIENCE).await?;
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.judge(&emitted, freezes).await?;
    // Otherwise nothing was tried here.
    assert!(figures.doubts() > 0, "no lease ended: {figures:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_at_full_load() -> Outcome<()> {
    let mut trial = Trial::prepare("SIGTERM at full load").await?;
    slow_answers(&trial.stack, 150).await?;
    trial.be_patient().await?;
    let load = trial.load(LoadOptions {
        per_second: 60.0,
        ..LoadOptions::default()
    });
    let stops = trial.scale(4, 20);
    for _ in 0..stops {
        let before = trial.stack.simulator.requests().await?;
        trial.stack.daemon.start().await?;
        trial
            .stack
            .wait_until("requests are under way", PATIENCE, async || {
                Ok(trial.stack.simulator.requests().await? > before + 10)
            })
            .await?;
        let status = trial
            .stack
            .daemon
            .terminate(Duration::from_secs(45))
            .await?;
        assert!(
            status.success(),
            "{status}: {}",
            trial.stack.daemon.log_text()?
        );
        // Nothing is left to a lease: every claim has its result, and what was not begun is back in line.
        let open: i64 = trial
            .stack
            .value("select count(*) from herald.dispatch_batches")
            .await?;
        assert_eq!(open, 0, "{}", trial.stack.report().await);
    }
    trial.stack.daemon.start().await?;
    let emitted: Emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.judge(&emitted, stops).await?;
    assert_eq!(figures.doubts(), 0, "a stop leaves no doubt: {figures:#?}");
    Ok(())
}
