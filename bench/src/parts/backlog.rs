//! Millions of texts that are due, beside millions that were sent.

use crate::measure::Measure;
use crate::people;
use crate::process;
use crate::row::{Bar, Report, Row};
use crate::sink::monotonic;
use crate::stats::{Samples, fine, whole};
use crate::texts;
use crate::world::World;
use herald_tests::cluster::{Stop, run as run_command};
use herald_tests::{Failure, Outcome};
use std::process::Command;
use std::time::{Duration, Instant};
use uuid::Uuid;

const FILL: &str = include_str!("../../sql/backlog.sql");
/// How many texts are due, and as many were sent; the environment may say another number.
const ROWS: usize = 5_000_000;
const VARIABLE: &str = "HERALD_BENCH_BACKLOG";
/// What it is compared with.
const FEW: usize = 10_000;
/// Space that a due text and a sent one take together, with all indexes.
const BYTES_PER_ROW: usize = 2_400;
/// Claims that are timed with a large backlog, and with the small one, which has no more. The first of a session, which makes
/// its plans, does not count.
const CLAIMS: usize = 1_500;
const FEW_CLAIMS: usize = 300;
/// Texts in a claim: as many as a daemon sends at the same time by default.
const CLAIM: i32 = 32;

/// What was seen with so many rows.
struct Seen {
    claims: Samples,
    first_send: Duration,
    resident_mib: f64,
    rate: f64,
}

/// The backlog against one that is small.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let rows = match std::env::var(VARIABLE) {
        Ok(number) => number.parse()?,
        Err(_) => measure.count(ROWS, 50_000),
    };
    check_space(rows * BYTES_PER_ROW)?;
    let mut report = Report::default();
    let small = look(FEW, measure, &mut report).await?;
    let large = look(rows, measure, &mut report).await?;
    let with = format!("{} due and as many sent", whole(rows as f64));
    let milliseconds = |ms: f64| format!("{} ms", fine(ms));
    let p99 = large.claims.percentile(99.0);
    report.row(
        Row::new(format!("claim of {CLAIM}, p99, {with}"), milliseconds(p99))
            .against(
                format!(
                    "with {}: {}",
                    whole(FEW as f64),
                    milliseconds(small.claims.percentile(99.0))
                ),
                format!("{:.2}×", p99 / small.claims.percentile(99.0)),
            )
            .wanted(Bar::AtMost(10.0, None), |ms| format!("{ms} ms"), p99),
    );
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    report.row(
        Row::new(
            format!("start of the daemon to first request, {with}"),
            seconds(large.first_send),
        )
        .against(
            format!("with {}: {}", whole(FEW as f64), seconds(small.first_send)),
            format!(
                "{:.2}×",
                large.first_send.as_secs_f64() / small.first_send.as_secs_f64()
            ),
        )
        .wanted(
            Bar::AtMost(2.0, None),
            |s| format!("{s} s"),
            large.first_send.as_secs_f64(),
        ),
    );
    report.row(
        Row::new(
            format!(
                "memory of the daemon (RSS) while sending {}/s, {with}",
                whole(large.rate)
            ),
            format!("{} MiB", fine(large.resident_mib)),
        )
        .against(
            format!(
                "with {}: {} MiB",
                whole(FEW as f64),
                fine(small.resident_mib)
            ),
            format!("{:.2}×", large.resident_mib / small.resident_mib),
        )
        .wanted(
            Bar::AtMost(40.0, Some(24.0)),
            |mib| format!("{mib} MiB"),
            large.resident_mib,
        ),
    );
    Ok(report)
}

async fn look(rows: usize, measure: &Measure, report: &mut Report) -> Outcome<Seen> {
    let mut world = World::with_settings(&[
        "wal_level = minimal",
        "max_wal_senders = 0",
        "autovacuum = off",
        "maintenance_work_mem = 256MB",
    ])
    .await?;
    people::add(&world, rows.min(100_000)).await?;
    let began = Instant::now();
    fill(&world, rows).await?;
    let size: String = world
        .value("select pg_size_pretty(pg_database_size(current_database()))")
        .await?;
    report.detail(format!(
        "{} due and as many sent: {size}, filled in {} s",
        whole(rows as f64),
        began.elapsed().as_secs()
    ));
    // From here on all settings are the defaults, and nothing is in shared buffers.
    for setting in [
        "wal_level = replica",
        "max_wal_senders = 10",
        "autovacuum = on",
        "maintenance_work_mem = '64MB'",
    ] {
        world.run(&format!("alter system set {setting}")).await?;
    }
    world.cluster.restart(Stop::Fast)?;
    world.client = world.connect().await?;

    let mut daemon = world.daemon()?;
    let started = monotonic();
    daemon.start_unready().await?;
    world.sink.wait_for(1, Duration::from_secs(60)).await?;
    let first = world.sink.first_at().unwrap_or(started);
    // What remains of the small one is needed for the claims.
    let sending = if rows > FEW {
        measure.count(10, 2) as u64
    } else {
        0
    };
    tokio::time::sleep(Duration::from_secs(sending)).await;
    let id = daemon
        .id()
        .ok_or_else(|| Failure::new("the daemon is not running"))?;
    let resident_mib = process::usage(id)?.resident_mib;
    let rate = world.sink.count() as f64 / (monotonic() - first).as_secs_f64();
    texts::stop(&mut daemon).await?;
    if rows <= FEW {
        fill(&world, rows).await?;
    }
    let claims = claims(
        &world,
        measure.count(if rows > FEW { CLAIMS } else { FEW_CLAIMS }, FEW_CLAIMS),
    )
    .await?;
    report.detail(format!(
        "{} due: claim of {CLAIM} p50 {:.2} ms, p99 {:.2} ms",
        whole(rows as f64),
        claims.median(),
        claims.percentile(99.0)
    ));
    Ok(Seen {
        claims,
        first_send: first - started,
        resident_mib,
        rate,
    })
}

async fn fill(world: &World, rows: usize) -> Outcome<()> {
    let script = FILL
        .replace("{rows}", &rows.to_string())
        .replace("{people}", &rows.min(100_000).to_string());
    world.run(&script).await?;
    world
        .vacuum(&[
            "herald.sms_messages",
            "herald.notification_deliveries",
            "herald.sms_send_attempts",
            "herald.queue_jobs",
            "herald.notification_events",
        ])
        .await?;
    world.checkpoint().await
}

/// Milliseconds of each claim with its commit. Every batch is completed before the next is claimed.
async fn claims(world: &World, count: usize) -> Outcome<Samples> {
    let worker = Uuid::from_u128(1);
    let claim = world
        .client
        .prepare("select batch_id, message_id, attempt from claim_sms_messages($1, $2)")
        .await?;
    let complete = world
        .client
        .prepare("select count(*) from complete_sms_messages($1, $2)")
        .await?;
    let mut samples = Samples::new();
    for number in 0..=count {
        let began = Instant::now();
        let rows = world.client.query(&claim, &[&worker, &CLAIM]).await?;
        if number > 0 {
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        if rows.len() != usize::try_from(CLAIM)? {
            return Err(Failure::new(format!(
                "a claim gave {} of {CLAIM} texts",
                rows.len()
            )));
        }
        let results = rows
            .iter()
            .map(|row| {
                Ok(serde_json::json!({
                    "batch_id": row.try_get::<_, Uuid>(0)?,
                    "message_id": row.try_get::<_, Uuid>(1)?,
                    "attempt": row.try_get::<_, i32>(2)?,
                    "outcome": "accepted",
                    "sid": format!("SM{:032x}", rand::random::<u128>()),
                    "twilio_status": "queued",
                    "http_status": 201,
                    "segments": 1,
                    "elapsed_ms": 1,
                }))
            })
            .collect::<Outcome<Vec<_>>>()?;
        world
            .client
            .query(&complete, &[&worker, &serde_json::Value::Array(results)])
            .await?;
    }
    Ok(samples)
}

/// A disk that runs full in the middle would be a poor way to find out.
fn check_space(needed: usize) -> Outcome<()> {
    let output =
        run_command(Command::new("df").args(["--output=avail", "--block-size=1", "/tmp"]))?;
    let free: usize = output.split_whitespace().last().unwrap_or("0").parse()?;
    if free > needed {
        return Ok(());
    }
    Err(Failure::new(format!(
        "/tmp has {} GB free and the backlog needs {}: free some, or set {VARIABLE} to fewer rows",
        free / 1_000_000_000,
        needed / 1_000_000_000
    )))
}
