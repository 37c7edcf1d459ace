//! How fast one daemon sends what is due, beside the queues that others use.

use crate::measure::Measure;
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;

/// One daemon, 24 in flight, a provider that answers at once.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    let count = measure.count(20_000, 4_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    let mut daemon = world.daemon()?;
    daemon.set("HERALD_CONCURRENCY", "24");
    let mut rates = Samples::default();
    for _ in 0..measure.rounds(3) {
        people::emit_to_each(&world, count).await?;
        let run = texts::send_all(&world, &mut daemon, count).await?;
        report.detail(format!(
            "{}/s, {:.3} ms of a core per text, {:.1} MiB, {:.0} bytes of WAL per text",
            whole(run.rate),
            run.processor_ms,
            run.resident_mib,
            run.wal_bytes
        ));
        rates.push(run.rate);
    }
    report.row(
        Row::new(format!("{count} due texts"), rates.show(whole)).wanted(
            Bar::AtLeast(8600.0, None),
            whole,
            rates.median(),
        ),
    );
    Ok(report)
}
