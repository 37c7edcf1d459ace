//! What a daemon uses when there is nothing to do.

use crate::measure::Measure;
use crate::people;
use crate::process::{self, Usage};
use crate::row::{Bar, Report, Row};
use crate::stats::fine;
use crate::texts;
use crate::world::World;
use herald_tests::stack::DISPATCHER;
use herald_tests::{Failure, Outcome};
use std::time::{Duration, Instant};

/// A daemon that has sent some texts and then waits.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let world = World::start().await?;
    people::add(&world, 1_000).await?;
    people::emit_to_each(&world, 1_000).await?;
    let mut daemon = world.daemon()?;
    daemon.start().await?;
    world.sink.wait_for(1_000, Duration::from_secs(60)).await?;
    tokio::time::sleep(Duration::from_secs(measure.count(5, 2) as u64)).await;
    let id = daemon
        .id()
        .ok_or_else(|| Failure::new("the daemon is not running"))?;

    let began = Instant::now();
    let before = (process::usage(id)?, backends(&world).await?);
    tokio::time::sleep(Duration::from_secs(measure.count(30, 5) as u64)).await;
    let after = (process::usage(id)?, backends(&world).await?);
    let sessions: i64 = world
        .value(&format!(
            "select count(*) from pg_stat_activity where usename = '{DISPATCHER}'"
        ))
        .await?;
    let took = began.elapsed().as_secs_f64();
    texts::stop(&mut daemon).await?;

    let share = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() / took * 100.0
    };
    let own = share(before.0.processor, after.0.processor);
    let Usage { resident_mib, .. } = after.0;
    let mut report = Report::default();
    report.row(
        Row::new("idle daemon: share of one core", format!("{own:.2} %"))
            .against(
                format!(
                    "its {sessions} sessions in Postgres: {:.2} %",
                    share(before.1, after.1)
                ),
                "",
            )
            .wanted(Bar::AtMost(0.5, None), |share| format!("{share} %"), own),
    );
    report.row(
        Row::new(
            "idle daemon: memory (RSS)",
            format!("{} MiB", fine(resident_mib)),
        )
        .wanted(
            Bar::AtMost(16.0, None),
            |mib| format!("{mib} MiB"),
            resident_mib,
        ),
    );
    Ok(report)
}

/// Time on a core of the sessions that belong to daemons.
async fn backends(world: &World) -> Outcome<Duration> {
    let rows = world
        .client
        .query(
            "select pid from pg_stat_activity where usename = $1",
            &[&DISPATCHER],
        )
        .await?;
    let mut sum = Duration::ZERO;
    for row in rows {
        let id: i32 = row.try_get(0)?;
        sum += process::usage(u32::try_from(id)?)?.processor;
    }
    Ok(sum)
}
