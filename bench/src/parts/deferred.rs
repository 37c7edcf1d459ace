//! A broadcast to very many: what the call costs, and when the first and the last of them are in line.

use crate::measure::Measure;
use crate::people::{self, PAYLOAD};
use crate::row::{Bar, Report, Row};
use crate::sink::monotonic;
use crate::stats::{Samples, fold, whole};
use crate::world::World;
use herald_tests::Outcome;
use herald_tests::people::EVENT_TYPE;
use std::time::{Duration, Instant};

/// One more than the daemon's chunk: the smallest broadcast that is deferred.
const FEW: usize = 1_001;
const FEW_TYPE: &str = "brief.ready";
/// Calls of each kind.
const CALLS: usize = 60;
/// How long a broadcast is watched.
const PATIENCE: Duration = Duration::from_secs(100);

/// The call with a million subscribers against the one with a thousand, then the broadcast itself.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let many = measure.count(1_000_000, 50_000);
    let world = World::start().await?;
    people::add(&world, many).await?;
    people::subscribe(&world, FEW_TYPE, FEW).await?;
    let mut report = Report::default();

    let mut calls = [Samples::new(), Samples::new()];
    for _ in 0..CALLS {
        for (event_type, samples) in [EVENT_TYPE, FEW_TYPE].into_iter().zip(&mut calls) {
            samples.push(call(&world, event_type).await?);
        }
    }
    let [large, small] = &calls;
    let ratio = large.median() / small.median();
    let microseconds = |value: f64| format!("{} µs", whole(value));
    report.row(
        Row::new(
            format!(
                "emit call with {} subscribers, deferred, p50",
                whole(many as f64)
            ),
            microseconds(large.median()),
        )
        .against(
            format!(
                "the call with {}: {}",
                whole(FEW as f64),
                microseconds(small.median())
            ),
            fold(ratio),
        )
        .wanted_in_words("≤ 2×, aim flat", Bar::AtMost(2.0, Some(1.1)).judge(ratio)),
    );

    let spread = broadcast(&world).await?;
    let ours = if spread.queued >= many as f64 {
        format!("{:.0} ms, {:.1} s", spread.first * 1000.0, spread.last)
    } else {
        format!(
            "{:.0} ms; {} queued after {:.0} s",
            spread.first * 1000.0,
            whole(spread.queued),
            spread.last
        )
    };
    report.row(
        Row::new(
            format!(
                "broadcast to {}: first at the provider, last queued",
                whole(many as f64)
            ),
            ours,
        )
        .against(
            format!(
                "{}/s queued while {}/s are sent",
                whole(spread.queued / spread.last),
                whole(spread.sent / spread.last)
            ),
            "",
        ),
    );
    Ok(report)
}

/// One call, taken back; in microseconds.
async fn call(world: &World, event_type: &str) -> Outcome<f64> {
    world.run("begin").await?;
    let statement = world
        .client
        .prepare("select emit_notification_event(event_type => $1, payload => $2::text::jsonb)")
        .await?;
    let began = Instant::now();
    world
        .client
        .query(&statement, &[&event_type, &PAYLOAD])
        .await?;
    let took = began.elapsed().as_secs_f64() * 1e6;
    world.run("rollback").await?;
    Ok(took)
}

/// How a broadcast went.
struct Spread {
    /// Seconds from the call to the first request.
    first: f64,
    /// Seconds from the call until the last of them was in line, or until nobody waited any longer.
    last: f64,
    /// How many were in line then.
    queued: f64,
    /// How many were sent by then.
    sent: f64,
}

async fn broadcast(world: &World) -> Outcome<Spread> {
    let mut daemon = world.daemon()?;
    daemon.start().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.sink.clear();
    let began = monotonic();
    world
        .run(&format!(
            "select emit_notification_event(event_type => '{EVENT_TYPE}', payload => '{PAYLOAD}')"
        ))
        .await?;
    world.sink.wait_for(1, Duration::from_secs(30)).await?;
    let first = world.sink.first_at().unwrap_or(began);
    let done =
        "select coalesce(bool_and(status = 'fanned_out'), false) from herald.notification_events";
    while !world.value::<bool>(done).await? && monotonic() - began < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = monotonic();
    let sent = world.sink.count() as f64;
    let queued: i32 = world
        .value("select fan_out_count from herald.notification_events")
        .await?;
    daemon.kill();
    Ok(Spread {
        first: (first - began).as_secs_f64(),
        last: (last - began).as_secs_f64(),
        queued: f64::from(queued),
        sent,
    })
}
