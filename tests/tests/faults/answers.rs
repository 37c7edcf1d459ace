//! Twilio's answers and callbacks are lost, wrong, slow or in the wrong order.

use herald_tests::load::LoadOptions;
use herald_tests::trial::{self, Trial, is_long};
use herald_tests::{Outcome, Stack};
use serde_json::{Value, json};

/// Faults by chance, which depends on the trial's seed.
pub(crate) async fn faults(stack: &Stack, seed: u64, probabilities: Value) -> Outcome<()> {
    // The simulator's seed is a number that JSON can carry.
    let faults = json!({"seed": seed >> 12, "probabilities": probabilities});
    stack.simulator.post("/_sim/faults", &faults).await
}

/// How many requests met a fault.
pub(crate) async fn struck(stack: &Stack) -> Outcome<u32> {
    let accepted = stack.simulator.accepted().await?;
    let struck = accepted.iter().filter(|message| message.fault.is_some());
    Ok(u32::try_from(struck.count())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_a_reset_or_silence_after_acceptance() -> Outcome<()> {
    let mut trial = Trial::prepare("500, reset and silence after acceptance, 12 % each").await?;
    let probabilities = json!({"error_after": 0.12, "reset_after": 0.12, "stall_after": 0.12});
    faults(&trial.stack, trial.seed, probabilities).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        transactions: Some(trial.scale(250, 1500)),
        ..LoadOptions::default()
    });
    let emitted = load.finish().await?;
    trial.settle().await?;
    let struck = struck(&trial.stack).await?;
    trial.judge(&emitted, struck).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_without_callbacks() -> Outcome<()> {
    let mut trial = Trial::prepare("500, reset and silence after acceptance, no callbacks").await?;
    let probabilities = json!({"error_after": 0.12, "reset_after": 0.12, "stall_after": 0.12, "callback_lost": 1.0});
    faults(&trial.stack, trial.seed, probabilities).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        transactions: Some(trial.scale(250, 1500)),
        // Only the list tells equal texts apart.
        equal: 0.3,
        ..LoadOptions::default()
    });
    let emitted = load.finish().await?;
    trial.settle().await?;
    let struck = struck(&trial.stack).await?;
    let figures = trial.judge(&emitted, struck).await?;
    assert!(figures.settled_by.contains_key("list"), "{figures:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_lost_shuffled_early_and_doubled() -> Outcome<()> {
    let mut trial =
        Trial::prepare("callbacks: 50 % lost, 50 % doubled, 30 % early, 50 % shuffled").await?;
    let probabilities = json!({
        "callback_lost": 0.5, "callback_duplicated": 0.5, "callback_early": 0.3, "callback_shuffled": 0.5,
    });
    faults(&trial.stack, trial.seed, probabilities).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        transactions: Some(trial.scale(250, 1500)),
        ..LoadOptions::default()
    });
    let emitted = load.finish().await?;
    trial.settle().await?;
    let lost = trial.stack.simulator.accepted().await?;
    let lost = lost.iter().flat_map(|message| &message.callbacks);
    let lost = lost
        .filter(|callback| callback.http_status.is_none())
        .count();
    trial.judge(&emitted, u32::try_from(lost)?).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_its_time() -> Outcome<()> {
    // The real figures take minutes.
    let (slow, timeout, lease) = if is_long() { (30, 35, 90) } else { (3, 10, 25) };
    let mut trial = Trial::prepare(&format!(
        "10 % of the answers take {slow} s, of {timeout} s that are waited"
    ))
    .await?;
    trial
        .stack
        .daemon
        .set("HERALD_REQUEST_TIMEOUT_SECONDS", &timeout.to_string());
    trial::set(&trial.stack.client, &[("lease_seconds", lease)]).await?;
    let slowly = json!({
        "seed": trial.seed >> 12, "latency_ms": slow * 1000, "probabilities": {"slow_answer": 0.1},
    });
    trial.stack.simulator.post("/_sim/faults", &slowly).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions {
        transactions: Some(trial.scale(250, 500)),
        per_second: if is_long() { 5.0 } else { 30.0 },
        ..LoadOptions::default()
    });
    let emitted = load.finish().await?;
    trial.settle().await?;
    let figures = trial
        .judge(&emitted, u32::try_from(emitted.transactions.len() / 10)?)
        .await?;
    // A slow answer is an answer: nobody doubts it, and no lease ends over it.
    assert_eq!(figures.doubts(), 0, "{figures:#?}");
    Ok(())
}
