//! How many status callbacks one daemon takes: signed HTTP request in, committed, answered.

use crate::callbacks;
use crate::measure::Measure;
use crate::people;
use crate::pgbench::Script;
use crate::process;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, percent, whole};
use crate::texts;
use crate::world::World;
use herald_tests::{Failure, Outcome};

/// Connections over which callbacks come.
const CONNECTIONS: usize = 128;

/// What an application would do instead, at best: one row by its primary key.
const UPDATE: &str = "\\set n random(1, :rows)\n\
    update plain set status = case status when 'sent' then 'delivered' else 'sent' end, updated_at = now() where id = :n;\n";

/// Sent and delivered for each text, against plain updates of a row.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(10_000, 2_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    world
        .run(&format!(
            "create table plain (id integer primary key, status text not null, updated_at timestamptz not null) with (fillfactor = 70); \
             insert into plain select n, 'sent', now() from generate_series(1, {count}) n"
        ))
        .await?;
    world.vacuum(&["plain"]).await?;
    let plain = Script::new(&world, "plain", UPDATE)?.variable("rows", count.to_string());
    let mut daemon = world.daemon()?;
    let mut ours = Samples::default();
    let mut updates = Samples::default();
    let mut report = Report::default();
    for _ in 0..measure.rounds(3) {
        people::emit_to_each(&world, count).await?;
        texts::send_all(&world, &mut daemon, count).await?;
        let texts = world.sink.arrivals();
        daemon.start().await?;
        let id = daemon
            .id()
            .ok_or_else(|| Failure::new("the daemon is not running"))?;
        let before = process::usage(id)?.processor;
        for status in ["sent", "delivered"] {
            let requests = callbacks::requests(&world, &daemon, &texts, status)?;
            world.checkpoint().await?;
            ours.push(callbacks::send(&daemon, requests, CONNECTIONS).await?);
            world.checkpoint().await?;
            updates.push(plain.rate(&world, 32, measure.seconds())?);
        }
        let spent = (process::usage(id)?.processor - before).as_secs_f64() * 1000.0;
        report.detail(format!(
            "{:.3} ms of a core in the daemon per callback",
            spent / (2 * count) as f64
        ));
        texts::stop(&mut daemon).await?;
    }
    let waiting: i64 = world
        .value("select count(*) from herald.sms_messages where status <> 'delivered'")
        .await?;
    if waiting > 0 {
        return Err(Failure::new(format!(
            "{waiting} texts are not delivered after all callbacks"
        )));
    }
    let ratio = ours.over(&updates);
    report.row(
        Row::new(
            format!("status callbacks over {CONNECTIONS} connections, one daemon"),
            format!("{}/s", ours.show(whole)),
        )
        .against(
            format!(
                "plain single-row updates, 32 clients: {}/s",
                updates.show(whole)
            ),
            ratio.show(percent),
        )
        .wanted(
            Bar::AtLeast(4_000.0, Some(8_000.0)),
            |rate| format!("{}/s", whole(rate)),
            ours.median(),
        ),
    );
    Ok(report)
}
