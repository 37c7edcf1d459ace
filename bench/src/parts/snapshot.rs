//! What a forgotten snapshot does: nothing dead can be cleaned up, and claims have to pass over it.

use crate::measure::Measure;
use crate::peers::{Peer, Peers};
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{Samples, percent, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;
use std::time::Duration;

/// Passes under the snapshot.
const PASSES: usize = 4;

/// Four passes of 10,000 texts while a transaction with a snapshot stays open; the last against those without it.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(10_000, 2_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    let mut report = Report::default();
    let mut daemon = world.daemon()?;
    let mut kept = Samples::default();
    let mut hot = [Samples::default(), Samples::default()];
    for round in 0..measure.rounds(2) {
        let mut free = Samples::default();
        let mut held = Samples::default();
        let mut before = updates(&world).await?;
        for pass in 0..2 + PASSES {
            if pass == 2 {
                let after = updates(&world).await?;
                hot[0].push(after.hot_share_since(before));
                before = after;
                take_snapshot(&world, "app").await?;
            }
            people::emit_to_each(&world, count).await?;
            world.checkpoint().await?;
            let rate = texts::send_all(&world, &mut daemon, count).await?.rate;
            if pass < 2 { &mut free } else { &mut held }.push(rate);
        }
        hot[1].push(updates(&world).await?.hot_share_since(before));
        let dead: i64 = world
            .value("select n_dead_tup from pg_stat_user_tables where relid = 'herald.queue_jobs'::regclass")
            .await?;
        report.detail(format!(
            "round {}: free {:?}, held {:?} texts/s, {dead} dead queue rows",
            round + 1,
            rounded(&free),
            rounded(&held)
        ));
        kept.push(last(&held) / free.median());
        release(&world).await?;
    }
    let mut row = Row::new(
        format!(
            "forgotten snapshot through {} texts: throughput kept",
            whole((PASSES * count) as f64)
        ),
        kept.show(percent),
    );
    row = match Peers::here() {
        Err(why) => row.against(format!("graphile-worker, plain: {why}"), ""),
        Ok(peers) => {
            let theirs = graphile(&world, &peers, count, &mut report).await?;
            row.against(
                format!("graphile-worker, plain: {}", percent(theirs)),
                format!("{:.1}×", kept.median() / theirs),
            )
        }
    };
    report.row(row.wanted(Bar::AtLeast(0.90, Some(0.98)), percent, kept.median()));
    let [free, held] = &hot;
    report.row(
        Row::new(
            "updates of texts, deliveries and people that are HOT under it",
            held.show(percent),
        )
        .against(format!("without it: {}", free.show(percent)), ""),
    );
    Ok(report)
}

/// How often rows of texts, deliveries and people were changed, and how often without touching an index.
#[derive(Clone, Copy)]
struct Updates {
    all: i64,
    hot: i64,
}

impl Updates {
    fn hot_share_since(self, before: Updates) -> f64 {
        (self.hot - before.hot) as f64 / (self.all - before.all).max(1) as f64
    }
}

async fn updates(world: &World) -> Outcome<Updates> {
    // What sessions have counted is told when they end, or a second later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let row = world
        .client
        .query_one(
            "select sum(n_tup_upd)::bigint, sum(n_tup_hot_upd)::bigint from pg_stat_user_tables \
             where schemaname = 'herald' and relname in ('sms_messages', 'notification_deliveries', 'user_sms_preferences')",
            &[],
        )
        .await?;
    Ok(Updates {
        all: row.try_get(0)?,
        hot: row.try_get(1)?,
    })
}

async fn graphile(world: &World, peers: &Peers, count: usize, report: &mut Report) -> Outcome<f64> {
    let peer = Peer::GraphilePlain;
    peers.create(world, peer).await?;
    let mut free = Samples::default();
    let mut held = Samples::default();
    for pass in 0..2 + PASSES {
        if pass == 2 {
            take_snapshot(world, peer.database()).await?;
        }
        let rate = peers.rate(world, peer, count, 24).await?;
        if pass < 2 { &mut free } else { &mut held }.push(rate);
    }
    release(world).await?;
    report.detail(format!(
        "graphile-worker, plain: free {:?}, held {:?} jobs/s",
        rounded(&free),
        rounded(&held)
    ));
    Ok(last(&held) / free.median())
}

fn last(samples: &Samples) -> f64 {
    samples.values().last().copied().unwrap_or(f64::NAN)
}

fn rounded(samples: &Samples) -> Vec<i64> {
    samples
        .values()
        .iter()
        .map(|value| value.round() as i64)
        .collect()
}

/// A session that has read something in a transaction and is then forgotten.
async fn take_snapshot(world: &World, database: &str) -> Outcome<()> {
    let client = world.cluster.connect(database).await?;
    client
        .batch_execute("set application_name = 'forgotten'; begin isolation level repeatable read; select count(*) from pg_class")
        .await?;
    // Nobody holds it any more, and it is still there: that is the point.
    std::mem::forget(client);
    Ok(())
}

async fn release(world: &World) -> Outcome<()> {
    world
        .run("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'forgotten'")
        .await?;
    world.run("vacuum").await
}
