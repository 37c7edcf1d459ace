//! Postgres crashes under load and comes back.

use herald_tests::Outcome;
use herald_tests::cluster::Stop;
use herald_tests::load::LoadOptions;
use herald_tests::stack::PATIENCE;
use herald_tests::trial::Trial;

use crate::kills::slow_answers;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_postgres_in_the_middle_of_claims() -> Outcome<()> {
    let mut trial = Trial::prepare("Postgres crashes (pg_ctl -m immediate) under load").await?;
    slow_answers(&trial.stack, 100).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LoadOptions::default());
    let crashes = trial.scale(3, 20);
    for _ in 0..crashes {
        tokio::time::sleep(trial.random_ms(500..1800)).await;
        trial.stack.cluster.restart(Stop::Immediate)?;
        trial.stack.client = trial.stack.connect().await?;
        trial.stack.daemon.wait_ready(PATIENCE).await?;
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    trial.judge(&emitted, crashes).await?;
    Ok(())
}
