//! Several daemons on one database.

use crate::measure::Measure;
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, percent, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;
use std::time::Duration;

const DAEMONS: [usize; 3] = [1, 2, 4];
/// Texts of the first burst.
const NEW: usize = 2_000;

/// The same texts by one, two and four daemons with all defaults, in turns.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(10_000, 2_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    // Sessions that began while there was nothing keep what they planned then.
    let first = rate(&world, 1, NEW).await?;
    world
        .vacuum(&["herald.notification_events", "herald.sms_messages"])
        .await?;
    let mut rates = DAEMONS.map(|_| Samples::default());
    for _ in 0..measure.rounds(3) {
        for (number, rates) in DAEMONS.into_iter().zip(&mut rates) {
            rates.push(rate(&world, number, count).await?);
        }
    }
    let mut report = Report::default();
    let [one, more @ ..] = &rates;
    report.row(
        Row::new(
            format!(
                "new database: first {} texts of a daemon that began on empty tables",
                whole(NEW as f64)
            ),
            format!("{}/s", whole(first)),
        )
        .against(
            format!("one daemon later: {}/s", one.show(whole)),
            percent(first / one.median()),
        )
        .wanted(Bar::AtLeast(0.5, None), percent, first / one.median()),
    );
    for (number, rates) in DAEMONS[1..].iter().zip(more) {
        let ratio = rates.over(one);
        report.row(
            Row::new(
                format!(
                    "{number} daemons on one database, {} due texts",
                    whole(count as f64)
                ),
                format!("{}/s", rates.show(whole)),
            )
            .against(
                format!("one daemon: {}/s", one.show(whole)),
                ratio.show(percent),
            )
            .wanted(Bar::AtLeast(1.0, None), percent, ratio.median()),
        );
    }
    Ok(report)
}

/// All are there, and frozen, before there is work: starting is not what is measured.
async fn rate(world: &World, number: usize, count: usize) -> Outcome<f64> {
    let mut daemons = Vec::new();
    for _ in 0..number {
        let mut daemon = world.daemon()?;
        daemon.start().await?;
        daemons.push(daemon);
    }
    // Its first looks around are over by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for daemon in &mut daemons {
        daemon.pause()?;
    }
    people::emit_to_each(world, count).await?;
    world.checkpoint().await?;
    let run = texts::send_all_with(world, &mut daemons, count).await?;
    for daemon in &mut daemons {
        texts::stop(daemon).await?;
    }
    Ok(run.rate)
}
