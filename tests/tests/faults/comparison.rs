//! The same faults under the three policies for a text of which nobody knows whether Twilio took it. Two of them are what
//! queues do otherwise: ask again at once, or never again. Without callbacks, which such queues do not ask.

use herald_tests::Outcome;
use herald_tests::checker::Figures;
use herald_tests::load::LoadOptions;
use herald_tests::stack::PATIENCE;
use herald_tests::trial::Trial;
use serde_json::json;

/// Runs it, adds the row, and gives the figures.
async fn under(policy: &'static str) -> Outcome<(Trial, Figures)> {
    let mut trial = Trial::prepare(
        "kill -9 at random moments and before requests; 500 and reset after acceptance, 6 % each; no callbacks",
    )
    .await?;
    trial.set_policy(policy).await?;
    let faults = json!({
        "seed": trial.seed >> 12,
        "latency_ms": 150,
        "probabilities": {"slow_answer": 1.0, "error_after": 0.06, "reset_after": 0.06, "callback_lost": 1.0},
    });
    trial.stack.simulator.post("/_sim/faults", &faults).await?;
    let load = trial.load(LoadOptions::default());
    let rounds = trial.scale(1, 10);
    for _ in 0..rounds {
        trial
            .stack
            .daemon
            .set("FAILPOINTS", "before_write=abort@20");
        trial.stack.daemon.start_unready().await?;
        trial.stack.daemon.wait(PATIENCE).await?;
        trial.stack.daemon.set("FAILPOINTS", "");
        for _ in 0..2 {
            trial.stack.daemon.start().await?;
            tokio::time::sleep(trial.random_ms(200..1200)).await;
            trial.stack.daemon.kill();
        }
    }
    trial.stack.daemon.start().await?;
    let emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.figures(&emitted).await?;
    trial.record(&figures, rounds * 3, None)?;
    Ok((trial, figures))
}

#[tokio::test(flavor = "multi_thread")]
async fn resolve_finds_out() -> Outcome<()> {
    let (trial, figures) = under("resolve").await?;
    trial.must_be_kept(&figures, 0).await?;
    assert!(figures.doubts() > 0, "nothing was in doubt: {figures:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_least_once_sends_twice() -> Outcome<()> {
    let (_trial, figures) = under("at_least_once").await?;
    assert!(figures.twice > 0, "the faults do not bite: {figures:#?}");
    assert_eq!(figures.lost, 0, "{figures:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_once_sends_some_never() -> Outcome<()> {
    let (_trial, figures) = under("at_most_once").await?;
    assert!(figures.given_up > 0, "the faults do not bite: {figures:#?}");
    assert_eq!(figures.twice, 0, "{figures:#?}");
    Ok(())
}
