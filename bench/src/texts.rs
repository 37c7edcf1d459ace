//! Texts that are due, and daemons that send them.

use crate::process;
use crate::sink::{Arrival, monotonic};
use crate::world::World;
use herald_tests::daemon::Daemon;
use herald_tests::{Failure, Outcome};
use std::collections::HashSet;
use std::time::Duration;

/// How long a run may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// How sending a number of texts went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Texts per second, from the first request to the commit of the last result.
    pub(crate) rate: f64,
    /// Time of a core that the daemons took for one text, in milliseconds.
    pub(crate) processor_ms: f64,
    /// Memory of the largest daemon at the end, in MiB.
    pub(crate) resident_mib: f64,
    /// WAL written per text, in bytes.
    pub(crate) wal_bytes: f64,
}

/// Starts the daemon for `count` due texts and ends it when all their results are written. Write out what is dirty before,
/// unless the WAL is to be counted: after a checkpoint it holds whole pages.
pub(crate) async fn send_all(world: &World, daemon: &mut Daemon, count: usize) -> Outcome<Run> {
    world.sink.clear();
    let before = wal_position(world).await?;
    daemon.start_unready().await?;
    let run = finish(world, std::slice::from_ref(daemon), count, before, 0.0).await;
    stop(daemon).await?;
    run
}

/// Wakes daemons that were frozen before `count` texts became due, and waits until all results are written.
pub(crate) async fn send_all_with(
    world: &World,
    daemons: &mut [Daemon],
    count: usize,
) -> Outcome<Run> {
    world.sink.clear();
    world.checkpoint().await?;
    let before = wal_position(world).await?;
    let spent = processor(daemons)?;
    for daemon in daemons.iter_mut() {
        daemon.resume()?;
    }
    world.run("notify herald").await?;
    finish(world, daemons, count, before, spent).await
}

/// Ends a daemon in order.
pub(crate) async fn stop(daemon: &mut Daemon) -> Outcome<()> {
    let status = daemon.terminate(Duration::from_secs(30)).await?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the daemon ended with {status}:\n{}",
        daemon.log_text()?
    )))
}

async fn finish(
    world: &World,
    daemons: &[Daemon],
    count: usize,
    wal_before: i64,
    spent_before: f64,
) -> Outcome<Run> {
    if let Err(failure) = world.sink.wait_for(count as u64, PATIENCE).await {
        let log = daemons[0].log_text()?;
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        return Err(Failure::new(format!("{failure}; {}", tail.join("\n"))));
    }
    wait_until_written(world).await?;
    let ended = monotonic();
    let began = world.sink.first_at().unwrap_or(ended);
    let wal = wal_position(world).await? - wal_before;
    check_each_once(&world.sink.arrivals(), count)?;
    let resident = daemons
        .iter()
        .filter_map(Daemon::id)
        .map(|id| process::usage(id).map(|usage| usage.resident_mib))
        .try_fold(0.0, |most: f64, mib| mib.map(|mib| most.max(mib)))?;
    Ok(Run {
        rate: count as f64 / (ended - began).as_secs_f64(),
        processor_ms: (processor(daemons)? - spent_before) * 1000.0 / count as f64,
        resident_mib: resident,
        wal_bytes: wal as f64 / count as f64,
    })
}

fn processor(daemons: &[Daemon]) -> Outcome<f64> {
    daemons
        .iter()
        .filter_map(Daemon::id)
        .map(|id| process::usage(id).map(|usage| usage.processor.as_secs_f64()))
        .sum()
}

/// Waits until nothing is queued and every result is written.
async fn wait_until_written(world: &World) -> Outcome<()> {
    let query = "select not exists (select from herald.queue_jobs where run_at <= now()) \
                     and not exists (select from herald.dispatch_batches)";
    let deadline = monotonic() + PATIENCE;
    while !world.value::<bool>(query).await? {
        if monotonic() > deadline {
            return Err(Failure::new("the last results were never written"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Where the WAL ends, in bytes.
pub(crate) async fn wal_position(world: &World) -> Outcome<i64> {
    world
        .value("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
        .await
}

/// Every user has a number of their own and gets one text: as many numbers as requests means that nobody got two.
pub(crate) fn check_each_once(arrivals: &[Arrival], count: usize) -> Outcome<()> {
    let numbers: HashSet<String> = arrivals
        .iter()
        .filter_map(|arrival| form_value(&arrival.body, "To"))
        .collect();
    if numbers.len() == count && arrivals.len() == count {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{count} texts gave {} requests to {} numbers",
        arrivals.len(),
        numbers.len()
    )))
}

/// One parameter of a form.
pub(crate) fn form_value(form: &[u8], wanted: &str) -> Option<String> {
    form_urlencoded::parse(form)
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
}
