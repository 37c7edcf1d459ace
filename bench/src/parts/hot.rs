//! Whether changes of a text stay on their page, and whether the queue stays small.

use crate::callbacks;
use crate::measure::Measure;
use crate::people;
use crate::row::{Bar, Report, Row};
use crate::stats::{percent, whole};
use crate::texts;
use crate::world::World;
use herald_tests::Outcome;

/// Texts from emit to delivered, several times over.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let count = measure.count(10_000, 2_000);
    let world = World::start().await?;
    people::add(&world, count).await?;
    let mut daemon = world.daemon()?;
    let mut sent = 0;
    let (size_before, wal_before) = (size(&world).await?, texts::wal_position(&world).await?);
    for _ in 0..measure.rounds(3) {
        people::emit_to_each(&world, count).await?;
        texts::send_all(&world, &mut daemon, count).await?;
        let texts = world.sink.arrivals();
        daemon.start().await?;
        for status in ["sent", "delivered"] {
            let requests = callbacks::requests(&world, &daemon, &texts, status)?;
            callbacks::send(&daemon, requests, 128).await?;
        }
        texts::stop(&mut daemon).await?;
        sent += count;
    }
    let size_each = (size(&world).await? - size_before) as f64 / sent as f64;
    let wal_each = (texts::wal_position(&world).await? - wal_before) as f64 / sent as f64;
    // What sessions have counted is told when they end, or a second later.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let tables = "select relname::text, n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count, pg_relation_size(relid) / 1024 \
                  from pg_stat_user_tables \
                  where schemaname = 'herald' and relname in ('sms_messages', 'notification_deliveries', 'queue_jobs', 'dispatch_batches') \
                  order by relname";
    let mut report = Report::default();
    for row in world.client.query(tables, &[]).await? {
        let name: String = row.try_get(0)?;
        let [updates, hot, dead, vacuums, size] =
            [1, 2, 3, 4, 5].map(|column| row.try_get::<_, i64>(column));
        let (updates, hot, dead, vacuums, size) = (updates?, hot?, dead?, vacuums?, size?);
        report.detail(format!(
            "{name}: {updates} updates, {hot} of them HOT, {dead} dead rows, autovacuum ran {vacuums} times, {size} KiB"
        ));
        let share = hot as f64 / updates.max(1) as f64;
        match name.as_str() {
            "sms_messages" => report.row(
                Row::new(
                    "updates of sms_messages that are HOT, claim to delivered",
                    percent(share),
                )
                .wanted(Bar::AtLeast(0.90, None), percent, share),
            ),
            "queue_jobs" => report.row(
                Row::new(
                    format!("dead rows of the queue after {} texts", whole(sent as f64)),
                    whole(dead as f64),
                )
                .against(
                    format!("autovacuum ran {vacuums} times; size {size} KiB"),
                    "",
                )
                .wanted_in_words("bounded", ""),
            ),
            _ => {}
        }
    }
    report.row(Row::new(
        "a text's whole life, emit to delivered with two callbacks",
        format!(
            "{} bytes on disk with all indexes, {} bytes of WAL",
            whole(size_each),
            whole(wal_each)
        ),
    ));
    Ok(report)
}

/// What all of herald's tables take with their indexes, in bytes.
async fn size(world: &World) -> Outcome<i64> {
    world
        .value(
            "select sum(pg_total_relation_size(oid))::bigint from pg_class \
             where relnamespace = 'herald'::regnamespace and relkind = 'r'",
        )
        .await
}
