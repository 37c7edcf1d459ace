//! Copies of a database in which texts wait: none of them sends anything.

use herald_tests::Outcome;
use herald_tests::daemon::Daemon;
use herald_tests::load::{Emitted, LoadOptions};
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::trial::Trial;
use std::time::Duration;

use crate::kills::slow_answers;

/// A database whose daemon has died in the middle of its work, and where more has come since.
async fn left_in_the_middle(fault: &str) -> Outcome<(Trial, Emitted)> {
    let mut trial = Trial::prepare(fault).await?;
    slow_answers(&trial.stack, 150).await?;
    trial.stack.daemon.start().await?;
    let half = LoadOptions {
        per_second: 80.0,
        transactions: Some(trial.scale(100, 500)),
        ..LoadOptions::default()
    };
    let load = trial.load(half);
    let mut emitted = load.finish().await?;
    trial.stack.daemon.kill();
    emitted.add(trial.load(half).finish().await?);
    Ok((trial, emitted))
}

/// Starts a daemon on the copy, and again with the state directory of the one it was copied from: neither sends.
async fn assert_sends_nothing(trial: &Trial, copy: &mut Daemon) -> Outcome<()> {
    let requests = trial.stack.simulator.requests().await?;
    let original = trial
        .stack
        .daemon
        .state_directory()
        .map(std::path::Path::to_path_buf);
    for state in [None, original] {
        if let Some(state) = state {
            copy.set("HERALD_STATE_DIR", &state.to_string_lossy());
        }
        copy.start_unready().await?;
        trial
            .stack
            .wait_until(
                "the daemon says why it does not send",
                PATIENCE,
                async || {
                    let (_, readiness) = copy.get("/readyz").await?;
                    Ok(readiness.contains("herald arm"))
                },
            )
            .await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(trial.stack.simulator.requests().await?, requests);
        copy.kill();
    }
    Ok(())
}

/// The original goes on, and nothing came twice.
async fn go_on(trial: &mut Trial, emitted: &Emitted, waiting: i64) -> Outcome<()> {
    trial.stack.daemon.start().await?;
    trial.settle().await?;
    let figures = trial.figures(emitted).await?;
    trial.record(
        &figures,
        2,
        Some(format!("{waiting} waited in the copy: 0 sent")),
    )?;
    trial.must_be_kept(&figures, 0).await
}

const WAITING: &str = "select count(*) from herald.sms_messages where twilio_sid is null";

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_sends_nothing() -> Outcome<()> {
    let (mut trial, emitted) = left_in_the_middle("a restored dump beside its original").await?;
    trial
        .stack
        .cluster
        .restore_dump(DATABASE, "restored")
        .await?;
    let waiting: i64 = trial.stack.value(WAITING).await?;
    assert!(waiting > 0);
    let mut daemon = trial.stranger(&trial.stack.cluster, "restored")?;
    assert_sends_nothing(&trial, &mut daemon).await?;
    go_on(&mut trial, &emitted, waiting).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_cluster_sends_nothing() -> Outcome<()> {
    let (mut trial, emitted) = left_in_the_middle("a copied cluster beside its original").await?;
    let copy = trial.stack.cluster.copy(false)?;
    let waiting: i64 = trial.stack.value(WAITING).await?;
    assert!(waiting > 0);
    // Whoever goes on writes more than the copy has.
    let life = "create table public.life as select n, repeat('x', 100) as goes_on from generate_series(1, 100000) n";
    trial.stack.client.batch_execute(life).await?;
    trial.stack.daemon.start().await?;
    trial.stack.daemon.terminate(PATIENCE).await?;
    let mut daemon = trial.stranger(&copy, DATABASE)?;
    assert_sends_nothing(&trial, &mut daemon).await?;
    go_on(&mut trial, &emitted, waiting).await
}
