//! Everything together: whatever can happen happens, in an order that the seed decides.

use herald_tests::Outcome;
use herald_tests::cluster::Stop;
use herald_tests::load::LoadOptions;
use herald_tests::stack::PATIENCE;
use herald_tests::trial::Trial;
use rand::Rng;
use serde_json::json;
use std::time::Duration;

const NO_ATTEMPT_LEFT: &str = "Twilio never took it, and no attempt is left";

/// Twilio's mood for the next while.
async fn change_weather(trial: &mut Trial) -> Outcome<()> {
    let mut chance = |most: f64| trial.dice.random_range(0.0..most);
    let probabilities = json!({
        "error_before": chance(0.05), "reset_before": chance(0.05), "stall_before": chance(0.03),
        "error_after": chance(0.1), "reset_after": chance(0.1), "stall_after": chance(0.05),
        "reset_mid_answer": chance(0.05), "unreadable_201": chance(0.05), "html_502": chance(0.03),
        "slow_answer": chance(0.8), "callback_early": chance(0.3), "callback_shuffled": chance(0.5),
        "callback_lost": chance(0.8), "callback_duplicated": chance(0.5),
    });
    let faults = json!({"latency_ms": 200, "probabilities": probabilities});
    trial.stack.simulator.post("/_sim/faults", &faults).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_together() -> Outcome<()> {
    let mut trial =
        Trial::prepare("all together: kills, freezes, stops, crashes, lost answers and callbacks")
            .await?;
    let seed = json!({"seed": trial.seed >> 12});
    trial.stack.simulator.post("/_sim/faults", &seed).await?;
    trial.stack.daemon.start().await?;
    let mut second = trial.another_daemon()?;
    second.start().await?;
    let load = trial.load(LoadOptions {
        writers: 3,
        equal: 0.4,
        ..LoadOptions::default()
    });
    let blows = trial.scale(7, 80);
    for _ in 0..blows {
        change_weather(&mut trial).await?;
        tokio::time::sleep(trial.random_ms(300..1500)).await;
        match trial.dice.random_range(0..10) {
            0..=3 => {
                trial.stack.daemon.kill();
                trial.stack.daemon.start().await?;
            }
            4 | 5 => {
                second.kill();
                tokio::time::sleep(trial.random_ms(0..2000)).await;
                second.start().await?;
            }
            6 => {
                second.pause()?;
                tokio::time::sleep(trial.random_ms(500..4000)).await;
                second.resume()?;
            }
            7 => {
                second.terminate(Duration::from_secs(45)).await?;
                second.start().await?;
            }
            _ => {
                trial.stack.cluster.restart(Stop::Immediate)?;
                trial.stack.client = trial.stack.connect().await?;
                trial.stack.daemon.wait_ready(PATIENCE).await?;
            }
        }
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.figures(&emitted).await?;
    trial.record(&figures, blows, None)?;
    // A text that fails before it is taken, three times, is given up; nothing else is.
    let given_up = figures.reasons.get(NO_ATTEMPT_LEFT).copied();
    trial
        .must_be_kept(&figures, given_up.unwrap_or_default())
        .await
}
