//! The disk under Postgres fills up while texts are emitted and sent, and has room again.

use herald_tests::cluster::can_mount;
use herald_tests::figures::{self, Row};
use herald_tests::stack::{DATABASE, PATIENCE, StackOptions};
use herald_tests::trial::Trial;
use herald_tests::{Failure, Outcome};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;

use crate::network::LOAD;

const FAULT: &str = "the disk under Postgres full: tables, then the WAL as well, with a crash";

/// Says so in the table.
fn skipped(why: &str) -> Outcome<()> {
    println!("skipped: {why}");
    figures::append(&Row {
        fault: FAULT.to_owned(),
        policy: None,
        messages: 0,
        injected: 0,
        twice: 0,
        lost: 0,
        given_up: 0,
        doubts: 0,
        left: 0,
        seconds: 0,
        note: Some(format!("skipped: {why}")),
    })
}

/// Writes until there is no room left; the file is to be removed.
fn fill(directory: &Path) -> Outcome<PathBuf> {
    let path = directory.join("ballast");
    let mut file = File::create(&path)?;
    let piece = vec![0; 64 * 1024];
    let full = loop {
        if let Err(error) = file.write_all(&piece) {
            break error;
        }
    };
    match full.kind() {
        std::io::ErrorKind::StorageFull => Ok(path),
        _ => Err(full.into()),
    }
}

/// Emits so much that the tables have to grow, and rolls it back; the error that comes.
async fn refusal(trial: &Trial) -> Outcome<SqlState> {
    let mut client = trial.stack.connect().await?;
    let emit = "select emit_notification_event(event_type => 'order.placed', target_user_id => $1, \
                    payload => jsonb_build_object('message', 'Nobody gets this ' || n)) \
                from generate_series(1, 300) n";
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let transaction = client.transaction().await?;
        let user = trial.people[0].id;
        let answer = transaction.query(emit, &[&user]).await;
        match answer {
            Ok(_) => transaction.rollback().await?,
            Err(error) => match error.code() {
                Some(code) => return Ok(code.clone()),
                None => return Err(error.into()),
            },
        }
    }
    Err(Failure::new("the tables found room all the same"))
}

#[tokio::test(flavor = "multi_thread")]
async fn full_under_postgres() -> Outcome<()> {
    if !can_mount() {
        return skipped("it takes root to mount a small file system");
    }
    let mut options = StackOptions::for_tests()?;
    options.start_daemon = false;
    options.cluster.room = Some(256);
    options.cluster.settings = vec![
        "max_wal_size = 64MB".to_owned(),
        "min_wal_size = 32MB".to_owned(),
    ];
    let mut trial = Trial::prepare_with(FAULT, options).await?;
    crate::kills::slow_answers(&trial.stack, 100).await?;
    trial.stack.daemon.start().await?;
    let load = trial.load(LOAD);
    let rounds = trial.scale(2, 10);
    for round in 0..rounds {
        tokio::time::sleep(trial.random_ms(1000..2000)).await;
        let ballast = fill(&trial.stack.cluster.data())?;
        // The application hears of it, and its transaction is rolled back.
        let refused = refusal(&trial).await?;
        assert_eq!(refused, SqlState::DISK_FULL);
        if round % 2 == 1 {
            // With the WAL full as well, Postgres crashes, and cannot start before there is room.
            let crashed = async {
                let client = trial.stack.connect().await?;
                loop {
                    client
                        .batch_execute("select pg_logical_emit_message(true, 'x', 'x'); select pg_switch_wal()")
                        .await?;
                }
            };
            let crashed: Outcome<()> = crashed.await;
            println!("Postgres is down: {crashed:?}");
        }
        tokio::time::sleep(trial.random_ms(1000..3000)).await;
        std::fs::remove_file(ballast)?;
        trial.stack.client = go_on(&trial).await?;
        trial.stack.daemon.wait_ready(PATIENCE).await?;
    }
    let emitted = load.stop().await?;
    trial.settle().await?;
    trial.judge(&emitted, rounds).await?;
    Ok(())
}

/// Postgres has room again. If it has given up, it is started; then it takes connections.
async fn go_on(trial: &Trial) -> Outcome<tokio_postgres::Client> {
    let started = Instant::now();
    loop {
        match trial.stack.cluster.connect(DATABASE).await {
            Ok(client) => return Ok(client),
            Err(failure) if started.elapsed() > PATIENCE => return Err(trial.explained(failure)),
            Err(_) => {}
        }
        if !trial.stack.cluster.is_running() {
            trial.stack.cluster.start_again()?;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
