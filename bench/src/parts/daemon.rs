//! How fast one daemon sends what is due, beside the queues that others use.

use crate::measure::Measure;
use crate::peers::{Peer, Peers};
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, fold, percent, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;
use herald_tests::daemon::Daemon;
use std::time::Duration;

/// What the provider does, and how much is under way at the same time.
struct Load {
    what: &'static str,
    count: usize,
    concurrency: usize,
    delay: Duration,
    rounds: usize,
}

/// A provider that answers at once, then one that takes 50 ms.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    let count = measure.count(20_000, 4_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    let peers = Peers::here();
    if let Ok(peers) = &peers {
        for peer in Peer::ALL {
            peers.create(&world, peer).await?;
        }
    }
    let mut daemon = world.daemon()?;
    let loads = [
        Load {
            what: "24 in flight, provider answers at once",
            count,
            concurrency: 24,
            delay: Duration::ZERO,
            rounds: measure.rounds(3),
        },
        Load {
            what: "100 in flight, provider takes 50 ms",
            count,
            concurrency: 100,
            delay: Duration::from_millis(50),
            rounds: measure.rounds(2),
        },
    ];
    for load in loads {
        let (ours, others) =
            in_turns(&world, &mut daemon, peers.as_ref().ok(), &load, &mut report).await?;
        let what = format!("{} due texts, {}", whole(load.count as f64), load.what);
        let shown = format!("{}/s", ours.show(whole));
        if load.delay.is_zero() {
            rows_at_once(&mut report, &what, &shown, &ours, &others, &peers);
        } else {
            rows_with_delay(&mut report, &what, &shown, &ours, &others, &load);
        }
    }
    Ok(report)
}

/// Ours and the others' rates, each in the order of the rounds.
async fn in_turns(
    world: &World,
    daemon: &mut Daemon,
    peers: Option<&Peers>,
    load: &Load,
    report: &mut Report,
) -> Outcome<(Samples, Vec<(Peer, Samples)>)> {
    world.sink.set_delay(load.delay);
    daemon.set("HERALD_CONCURRENCY", &load.concurrency.to_string());
    let mut ours = Samples::default();
    let mut others: Vec<(Peer, Samples)> =
        Peer::ALL.map(|peer| (peer, Samples::default())).to_vec();
    for _ in 0..load.rounds {
        people::emit_to_each(world, load.count).await?;
        world.checkpoint().await?;
        let run = texts::send_all(world, daemon, load.count).await?;
        report.detail(format!(
            "{}: {}/s, {:.3} ms of a core per text, {:.1} MiB",
            load.what,
            whole(run.rate),
            run.processor_ms,
            run.resident_mib
        ));
        ours.push(run.rate);
        for (peer, rates) in &mut others {
            let Some(peers) = peers else { continue };
            let rate = peers
                .rate(world, *peer, load.count, load.concurrency)
                .await?;
            report.detail(format!("{}: {} {}/s", load.what, peer.name(), whole(rate)));
            rates.push(rate);
        }
    }
    Ok((ours, others))
}

fn rows_at_once(
    report: &mut Report,
    what: &str,
    shown: &str,
    ours: &Samples,
    others: &[(Peer, Samples)],
    peers: &Result<Peers, String>,
) {
    for (peer, rates) in others {
        let row = Row::new(what, shown);
        let ratio = ours.over(rates);
        report.row(match peers {
            Err(why) => row.against(peer.name(), "").wanted_in_words("", why),
            Ok(_) => {
                let row = row.against(
                    format!("{}: {}/s", peer.name(), rates.show(whole)),
                    ratio.show(fold),
                );
                match peer {
                    Peer::GraphileBatched => {
                        row.wanted(Bar::AtLeast(1.0, Some(1.5)), fold, ratio.median())
                    }
                    Peer::GraphilePlain | Peer::PgBoss => row,
                }
            }
        });
    }
}

fn rows_with_delay(
    report: &mut Report,
    what: &str,
    shown: &str,
    ours: &Samples,
    others: &[(Peer, Samples)],
    load: &Load,
) {
    let ideal = load.concurrency as f64 / load.delay.as_secs_f64();
    let share = ours.times(1.0 / ideal);
    report.row(
        Row::new(what, shown)
            .against(
                format!("what is possible: {}/s", whole(ideal)),
                share.show(percent),
            )
            .wanted(Bar::AtLeast(0.95, Some(0.99)), percent, share.median()),
    );
    for (peer, rates) in others.iter().filter(|(_, rates)| !rates.is_empty()) {
        report.row(Row::new(what, shown).against(
            format!("{}: {}/s", peer.name(), rates.show(whole)),
            ours.over(rates).show(fold),
        ));
    }
}
