//! The clock of the daemon's host is wrong by a day, and jumps. All deadlines are Postgres' own.

use herald_tests::programs;
use herald_tests::stack::PATIENCE;
use herald_tests::trial::Trial;
use herald_tests::{Failure, Outcome};
use serde_json::json;
use std::path::Path;

use crate::network::LOAD;

/// What the daemon makes of its clock, compared with Postgres', in seconds.
async fn offset(trial: &Trial) -> Outcome<f64> {
    let (_, metrics) = trial.stack.daemon.get("/metrics").await?;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("herald_clock_offset_seconds "));
    match line {
        Some(value) => Ok(value.trim().parse()?),
        None => Err(Failure::new(format!("no clock offset in:\n{metrics}"))),
    }
}

/// Sets the daemon's clock, from its next look at it on.
fn set_clock(file: &Path, by: &str) -> Outcome<()> {
    Ok(std::fs::write(file, by)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_off_and_jumping() -> Outcome<()> {
    let mut trial = Trial::prepare(
        "the daemon's clock a day ahead, a day behind, jumping; answers and callbacks lost",
    )
    .await?;
    let faults = json!({
        "seed": trial.seed >> 12,
        "latency_ms": 100,
        "probabilities": {"slow_answer": 1.0, "error_after": 0.06, "reset_after": 0.06, "callback_lost": 0.5},
    });
    trial.stack.simulator.post("/_sim/faults", &faults).await?;
    let clock = trial.stack.cluster.directory().join("clock");
    let library = programs::libfaketime()?;
    for (name, value) in [
        ("LD_PRELOAD", library.to_string_lossy().as_ref()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_string_lossy().as_ref()),
        ("FAKETIME_NO_CACHE", "1"),
        // Only the clock that tells the date.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ] {
        trial.stack.daemon.set(name, value);
    }
    set_clock(&clock, "+1d")?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LOAD);
    let rounds = trial.scale(4, 24);
    for round in 0..rounds {
        let ahead = round % 2 == 0;
        set_clock(&clock, if ahead { "+1d" } else { "-1d" })?;
        tokio::time::sleep(trial.random_ms(500..2000)).await;
        // The offset is measured when the daemon introduces itself.
        trial.stack.daemon.kill();
        trial.stack.daemon.start().await?;
        let offset = offset(&trial).await?;
        // Postgres' clock less ours.
        let is_off = if ahead {
            offset < -86_000.0
        } else {
            offset > 86_000.0
        };
        assert!(is_off, "the clock is off by {offset} s");
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    assert!(
        trial
            .stack
            .daemon
            .log_text()?
            .contains("the clocks of Postgres and of this machine differ")
    );
    let figures = trial.judge(&emitted, rounds).await?;
    assert!(figures.settled_by.contains_key("list"), "{figures:#?}");
    trial.stack.daemon.terminate(PATIENCE).await?;
    Ok(())
}
