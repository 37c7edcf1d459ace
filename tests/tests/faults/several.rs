//! Eight daemons work on one database, and some of them die.

use herald_tests::Outcome;
use herald_tests::load::LoadOptions;
use herald_tests::trial::Trial;
use rand::Rng;

use crate::kills::slow_answers;

#[tokio::test(flavor = "multi_thread")]
async fn eight_daemons_some_of_them_killed() -> Outcome<()> {
    let mut trial = Trial::prepare("eight daemons on one database, killed in turn").await?;
    slow_answers(&trial.stack, 100).await?;
    trial.stack.daemon.start().await?;
    let mut others = Vec::new();
    for _ in 0..7 {
        let mut daemon = trial.another_daemon()?;
        daemon.start().await?;
        others.push(daemon);
    }
    let load = trial.load(LoadOptions {
        writers: 4,
        per_second: 40.0,
        ..LoadOptions::default()
    });
    let kills = trial.scale(3, 20);
    for _ in 0..kills {
        tokio::time::sleep(trial.random_ms(200..900)).await;
        let victim = trial.dice.random_range(0..others.len());
        others[victim].kill();
        tokio::time::sleep(trial.random_ms(0..300)).await;
        others[victim].start().await?;
    }
    // The last to die do not come back.
    others.truncate(5);
    let emitted = load.stop().await?;
    trial.settle().await?;
    trial.judge(&emitted, kills + 2).await?;
    Ok(())
}
