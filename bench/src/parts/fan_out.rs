//! How fast a broadcast becomes deliveries, texts and queue rows.

use super::emit::{CLEAN_LEAN, LEAN_TABLES};
use crate::measure::Measure;
use crate::people::{self, PAYLOAD};
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, percent, whole};
use crate::world::World;
use herald_tests::people::EVENT_TYPE;
use herald_tests::{Failure, Outcome};
use std::time::Instant;

const OWN_TABLES: &str = include_str!("../../sql/fan_out_own.sql");
const LEAN: &str = include_str!("../../sql/fan_out_lean.sql");
/// What is written for each subscriber: delivery, message, queue row.
const ROWS: f64 = 3.0;

/// A broadcast: in chunks as the daemon does it, and in one transaction, against INSERT … SELECT of the same rows.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(100_000, 10_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    world.run(LEAN_TABLES).await?;
    let template: String = world
        .value(
            "select id::text from herald.sms_templates where template_key = 'notif_task_due_soon'",
        )
        .await?;
    let mut rates = [const { Samples::new() }; 4];
    for _ in 0..measure.rounds(3) {
        for (way, rates) in rates.iter_mut().enumerate() {
            world.forget_events().await?;
            world.run(CLEAN_LEAN).await?;
            world.checkpoint().await?;
            let began = Instant::now();
            match way {
                0 => in_chunks(&world).await?,
                1 => in_one_transaction(&world).await?,
                2 => drop(
                    world
                        .client
                        .execute(OWN_TABLES, &[&EVENT_TYPE, &template])
                        .await?,
                ),
                _ => drop(world.client.execute(LEAN, &[&EVENT_TYPE]).await?),
            }
            rates.push(count as f64 * ROWS / began.elapsed().as_secs_f64());
            let jobs = if way < 3 {
                "herald.queue_jobs"
            } else {
                "lean.jobs"
            };
            let written: i64 = world.value(&format!("select count(*) from {jobs}")).await?;
            if usize::try_from(written)? != count {
                return Err(Failure::new(format!(
                    "{written} of {count} texts were queued"
                )));
            }
        }
    }
    let [chunks, at_once, own, lean] = &rates;
    let mut report = Report::default();
    let subscribers = whole(count as f64);
    for (what, ours) in [
        (
            format!("fan-out to {subscribers} subscribers, in the daemon's chunks"),
            chunks,
        ),
        (
            format!(
                "fan-out to {subscribers} subscribers, inside emit (inline_fan_out_limit raised)"
            ),
            at_once,
        ),
    ] {
        for (name, other, bar) in [
            ("own tables", own, Bar::AtLeast(0.80, Some(0.95))),
            ("lean", lean, Bar::AtLeast(0.50, Some(0.75))),
        ] {
            let ratio = ours.over(other);
            report.row(
                Row::new(what.clone(), format!("{} rows/s", ours.show(whole)))
                    .against(
                        format!("{name}, INSERT … SELECT: {} rows/s", other.show(whole)),
                        ratio.show(percent),
                    )
                    .wanted(bar, percent, ratio.median()),
            );
        }
    }
    Ok(report)
}

fn emit() -> String {
    format!("select emit_notification_event(event_type => '{EVENT_TYPE}', payload => '{PAYLOAD}')")
}

/// As the daemon: each chunk a transaction.
async fn in_chunks(world: &World) -> Outcome<()> {
    world.run(&emit()).await?;
    let chunk = world
        .client
        .prepare("select deliveries from fan_out_notification_events(1)")
        .await?;
    while !world.client.query(&chunk, &[]).await?.is_empty() {}
    Ok(())
}

async fn in_one_transaction(world: &World) -> Outcome<()> {
    world
        .run("select herald_set_setting('inline_fan_out_limit', '100000')")
        .await?;
    let emitted = world.run(&emit()).await;
    world
        .run("select herald_set_setting('inline_fan_out_limit', '1000')")
        .await?;
    emitted
}
