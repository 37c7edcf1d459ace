//! How much WAL claiming and completing a text writes.

use crate::measure::Measure;
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;

/// WAL per text with the daemon's defaults: without a checkpoint shortly before, and right after one.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(10_000, 2_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    let mut daemon = world.daemon()?;
    let mut usual = Samples::default();
    let mut after_checkpoint = Samples::default();
    for _ in 0..measure.rounds(2) {
        for (samples, checkpoint) in [(&mut usual, false), (&mut after_checkpoint, true)] {
            world.checkpoint().await?;
            people::emit_to_each(&world, count).await?;
            if checkpoint {
                world.checkpoint().await?;
            }
            samples.push(texts::send_all(&world, &mut daemon, count).await?.wal_bytes);
        }
    }
    let mut report = Report::default();
    report.row(
        Row::new(
            "WAL per text for claim and completion",
            format!("{} bytes", usual.show(whole)),
        )
        .against(
            format!(
                "right after a checkpoint, whole pages with it: {} bytes",
                after_checkpoint.show(whole)
            ),
            "",
        )
        .wanted(
            Bar::AtMost(700.0, Some(550.0)),
            |bytes| format!("{} bytes", whole(bytes)),
            usual.median(),
        ),
    );
    Ok(report)
}
