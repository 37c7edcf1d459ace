//! How long it takes from the call of emit to the request, when nothing else happens.

use crate::measure::Measure;
use crate::peers::{Peer, Peers};
use crate::people::{self, PAYLOAD};
use crate::row::{Bar, Report, Row};
use crate::sink::monotonic;
use crate::stats::{Samples, fine};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;
use herald_tests::people::EVENT_TYPE;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// What is sent before it counts: connections, plans and caches are there then.
const WARM_UP: usize = 20;

/// Ours and the peers', in turns.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let world = World::start().await?;
    let count = measure.count(150, 30);
    people::add(&world, 1_000).await?;
    let peers = Peers::here();
    let mut ours = Samples::default();
    let mut after_commit = Samples::default();
    let mut others: Vec<(Peer, Samples)> =
        Peer::ALL.map(|peer| (peer, Samples::default())).to_vec();
    if let Ok(peers) = &peers {
        for peer in Peer::ALL {
            peers.create(&world, peer).await?;
        }
    }
    for _ in 0..measure.rounds(2) {
        let (calls, commits) = herald(&world, count).await?;
        extend(&mut ours, &calls);
        extend(&mut after_commit, &commits);
        for (peer, samples) in &mut others {
            let Ok(peers) = &peers else { continue };
            extend(samples, &other(&world, peers, *peer, count).await?);
        }
    }
    let mut report = Report::default();
    report.detail(format!(
        "from the commit's return: p50 {:.2} ms, p99 {:.2} ms",
        after_commit.median(),
        after_commit.percentile(99.0)
    ));
    for (percentile, bar) in [
        (50.0, Bar::AtMost(3.5, Some(2.0))),
        (99.0, Bar::AtMost(8.0, Some(5.0))),
    ] {
        let at = |samples: &Samples| samples.percentile(percentile);
        let mut row = Row::new(
            format!("idle: from the call of emit to the request, p{percentile:.0}"),
            format!("{:.2} ms", at(&ours)),
        );
        row = match &peers {
            Err(why) => row.against(why.clone(), ""),
            Ok(_) => {
                let texts: Vec<String> = others
                    .iter()
                    .map(|(peer, samples)| format!("{}: {:.2} ms", peer.name(), at(samples)))
                    .collect();
                let ratios: Vec<String> = others
                    .iter()
                    .map(|(_, samples)| format!("{:.2}×", at(&ours) / at(samples)))
                    .collect();
                row.against(texts.join("; "), ratios.join("; "))
            }
        };
        report.row(row.wanted(bar, |ms| format!("{} ms", fine(ms)), at(&ours)));
    }
    Ok(report)
}

fn extend(all: &mut Samples, more: &Samples) {
    more.values().iter().for_each(|value| all.push(*value));
}

/// Ours: milliseconds from each call, and from each commit's return, to the request.
async fn herald(world: &World, count: usize) -> Outcome<(Samples, Samples)> {
    let mut daemon = world.daemon()?;
    daemon.start().await?;
    let statement =
        "select emit_notification_event(event_type => $1, target_user_id => $2, payload => $3)";
    let payload: serde_json::Value = serde_json::from_str(PAYLOAD)?;
    let user = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001);
    let samples = one_by_one(
        world,
        &world.client,
        statement,
        &[&EVENT_TYPE, &user, &payload],
        count,
    )
    .await?;
    texts::stop(&mut daemon).await?;
    Ok(samples)
}

async fn other(world: &World, peers: &Peers, peer: Peer, count: usize) -> Outcome<Samples> {
    // As many at the same time as herald by default.
    let _worker = peers.start(world, peer, 32).await?;
    if peer == Peer::PgBoss {
        world.sink.clear();
        peers.send_one_by_one(world, WARM_UP).await?;
        world.sink.clear();
        return peers.send_one_by_one(world, count).await;
    }
    let client = world.cluster.connect(peer.database()).await?;
    let statement = "select from graphile_worker.add_job('text', $1)";
    let payload = serde_json::json!({ "to": "+12010000001", "body": "\u{23f0} Water the plants is due 5 pm" });
    // What takes json wants to be told so.
    let statement = statement.replace("$1", "$1::jsonb::json");
    Ok(one_by_one(world, &client, &statement, &[&payload], count)
        .await?
        .0)
}

/// Runs a statement over and over, each 20 to 60 ms after the last, and sees when the sink gets its request.
async fn one_by_one(
    world: &World,
    client: &Client,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
    count: usize,
) -> Outcome<(Samples, Samples)> {
    let statement = client.prepare(statement).await?;
    let mut from_call = Samples::default();
    let mut from_commit = Samples::default();
    world.sink.clear();
    for number in 0..WARM_UP + count {
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..60))).await;
        let called = monotonic();
        client.query(&statement, parameters).await?;
        let committed = monotonic();
        world
            .sink
            .wait_for(number as u64 + 1, Duration::from_secs(10))
            .await?;
        let Some(arrival) = world.sink.arrivals().pop() else {
            continue;
        };
        if number >= WARM_UP {
            from_call.push(arrival.at.saturating_sub(called).as_secs_f64() * 1000.0);
            from_commit.push(arrival.at.saturating_sub(committed).as_secs_f64() * 1000.0);
        }
    }
    Ok((from_call, from_commit))
}
