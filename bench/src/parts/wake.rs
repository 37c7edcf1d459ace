//! What waking the daemon costs the transactions that emit.

use super::emit::EMIT;
use crate::measure::Measure;
use crate::people;
use crate::pgbench::{Script, in_turns};
use crate::row::{Bar, Report, Row};
use crate::stats::{percent, whole};
use crate::world::World;
use herald_tests::cluster::run as run_command;
use herald_tests::{Failure, Outcome};
use std::path::PathBuf;
use std::process::Command;
use tokio_postgres::Client;

const PEOPLE: usize = 10_000;
const CLIENTS: usize = 32;
const SLOW_SYNC: &str = include_str!("../../slow_sync.c");

/// `pg_herald.notify` auto and always against off, on this disk and on one whose syncs take a millisecond longer.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    for (disk, preload) in [
        ("this disk", None),
        ("1 ms added to each sync", Some(slow_sync()?)),
    ] {
        let world = World::with_preload(preload.clone()).await?;
        people::add(&world, PEOPLE).await?;
        let _listener = listener(&world).await?;
        if preload.is_some() {
            check_slow(&world).await?;
        }
        let [auto, always, off] = ["auto", "always", "off"].map(|notify| {
            Script::new(&world, notify, EMIT).map(|script| {
                script
                    .variable("people", PEOPLE.to_string())
                    .setting("pg_herald.notify", notify)
            })
        });
        let (auto, always, off) = (auto?, always?, off?);
        let scripts = [&off, &auto, &always];
        let rates = in_turns(&world, measure, &scripts, CLIENTS, measure.rounds(5), "").await?;
        let [off, auto, always] = &rates[..] else {
            return Err(Failure::new("three scripts gave no three rates"));
        };
        for (notify, rates) in [("auto", auto), ("always", always)] {
            let ratio = rates.over(off);
            let row = Row::new(
                format!("emit, {CLIENTS} clients, notify = {notify}, {disk}"),
                format!("{}/s", rates.show(whole)),
            )
            .against(
                format!("notify = off: {}/s", off.show(whole)),
                ratio.show(percent),
            );
            report.row(if notify == "auto" {
                row.wanted(Bar::AtLeast(0.90, Some(0.97)), percent, ratio.median())
            } else {
                row.wanted_in_words("shows why auto is the default", "")
            });
        }
    }
    Ok(report)
}

/// Somebody listens, as a daemon would; nothing is sent.
async fn listener(world: &World) -> Outcome<Client> {
    let client = world.connect().await?;
    client.batch_execute("listen herald").await?;
    Ok(client)
}

/// A library that did not load would not be noticed otherwise: one client cannot commit more often than the syncs allow.
async fn check_slow(world: &World) -> Outcome<()> {
    world.run("create table slow (n integer)").await?;
    let rate = Script::new(world, "slow", "insert into slow values (1);\n")?.rate(world, 1, 1)?;
    if rate < 1000.0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{rate:.0} commits/s by one client: the library that slows syncs down is not in use"
    )))
}

/// Builds the library beside the program.
fn slow_sync() -> Outcome<PathBuf> {
    let mut directory = std::env::current_exe()?;
    directory.pop();
    let (source, library) = (
        directory.join("slow_sync.c"),
        directory.join("slow_sync.so"),
    );
    std::fs::write(&source, SLOW_SYNC)?;
    run_command(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .arg(&source),
    )?;
    Ok(library)
}
