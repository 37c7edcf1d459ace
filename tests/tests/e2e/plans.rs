//! The statements behind emit, claim, completion, callbacks and `why` go by their indexes: on empty tables, on small ones and on
//! a million rows, with statistics or without, and with plans that were made when the tables were empty.

mod calls;
mod explained;

use calls::{ALONE, Calls};
use explained::{Carried, Explained};
use herald_tests::cluster::{Cluster, ClusterOptions};
use herald_tests::{Outcome, stack};
use tokio_postgres::Client;

/// Tables that grow with the use of the system.
const LARGE: [&str; 9] = [
    "notification_deliveries",
    "notification_events",
    "notification_subscriptions",
    "queue_jobs",
    "sms_messages",
    "sms_send_attempts",
    "twilio_callbacks",
    "user_notification_preferences",
    "user_sms_preferences",
];
const SMALL: u32 = 100;
const MANY: u32 = 1_000_000;
/// No statement here has to do with more than ten texts or so. Each of the large tables has more than 8,000 pages.
const MOST_ROWS: u64 = 500;
const MOST_PAGES: u64 = 1000;
/// A plan for all values is only looked for after the fifth time.
const ROUNDS: u32 = 7;
/// From here on nothing is due but what the calls make due.
const NOTHING_DUE: [&str; 2] = [
    "update herald.queue_jobs set run_at = run_at + interval '1 day' where run_at <= now()",
    "vacuum herald.queue_jobs",
];
/// Statistics as if there had never been any.
const FORGET: &str = "delete from pg_statistic s using pg_class c, pg_namespace n \
        where s.starelid = c.oid and c.relnamespace = n.oid and n.nspname = 'herald'; \
    update pg_class c set reltuples = -1, relpages = 0, relallvisible = 0 \
        from pg_namespace n where c.relnamespace = n.oid and n.nspname = 'herald' and c.relkind = 'r'";

async fn fill(client: &Client, from: u32, to: u32) -> Outcome<()> {
    let script = include_str!("plans/fill.sql")
        .replace("{from}", &from.to_string())
        .replace("{to}", &to.to_string());
    Ok(client.batch_execute(&script).await?)
}

/// Emit for one user reads the person and writes the rows without a statement.
fn is_needless(carried: &Carried) -> bool {
    carried.call == "emit"
        && carried.nodes().iter().any(|node| {
            let table = node["Relation Name"].as_str();
            table.is_some_and(|table| LARGE.contains(&table))
        })
}

/// The statement that claims what is due alone.
fn is_claim_of_one(carried: &Carried) -> bool {
    carried.call == ALONE
        && carried.text.contains("into herald.dispatch_batches")
        && !carried.text.contains("skip locked")
}

/// What is wrong with how a statement was carried out.
fn problem(carried: &Carried) -> Option<String> {
    if is_needless(carried) {
        return Some("is run at all".to_owned());
    }
    let mut rows = 0;
    for node in carried.nodes() {
        let Some(table) = node["Relation Name"].as_str() else {
            continue;
        };
        if !LARGE.contains(&table) {
            continue;
        }
        let kind = node["Node Type"].as_str().unwrap_or_default();
        if kind == "Seq Scan" {
            return Some(format!("reads all of {table}"));
        }
        let count = |name: &str| node[name].as_u64().unwrap_or(0);
        let each = count("Actual Rows")
            + count("Rows Removed by Filter")
            + count("Rows Removed by Index Recheck");
        rows += each * count("Actual Loops");
    }
    if rows > MOST_ROWS {
        return Some(format!("touches {rows} rows"));
    }
    let pages = carried.pages();
    (pages > MOST_PAGES).then(|| format!("reads {pages} pages"))
}

/// Makes the calls in one session, and notes what is wrong with their statements.
async fn look(
    session: &Explained,
    person: u32,
    stage: &str,
    problems: &mut Vec<String>,
) -> Outcome<()> {
    let mut statements = 0;
    for _ in 0..ROUNDS {
        for carried in Calls::new(session, person).all().await? {
            statements += 1;
            if let Some(problem) = problem(&carried) {
                let start: String = carried.text.chars().take(100).collect();
                let line = format!("{stage}: {}: {problem}: {start:?}", carried.call);
                if !problems.contains(&line) {
                    problems.push(line);
                }
            }
        }
    }
    // The calls are some twenty, and each has a statement of its own inside.
    assert!(
        statements > ROUNDS * 30,
        "{stage}: only {statements} statements told their plans"
    );
    Ok(())
}

#[tokio::test]
async fn statements_go_by_their_indexes_at_every_size_and_with_any_statistics() -> Outcome<()> {
    let settings = [
        "autovacuum = off",
        "shared_buffers = 512MB",
        "max_wal_size = 8GB",
    ];
    let cluster = Cluster::start(&ClusterOptions {
        settings: settings.map(str::to_owned).to_vec(),
        ..ClusterOptions::for_tests()?
    })?;
    cluster.create_database("app").await?;
    let client = cluster.connect("app").await?;
    stack::install(&client).await?;
    let url = cluster.url("app");
    let mut problems = Vec::new();

    let from_empty = Explained::open(&url).await?;
    look(&from_empty, 0, "empty", &mut problems).await?;
    // Empty, and known to be.
    client.batch_execute("vacuum analyze").await?;
    let from_known_empty = Explained::open(&url).await?;
    look(&from_known_empty, 0, "empty, analyzed", &mut problems).await?;

    fill(&client, 1, SMALL).await?;
    look(&Explained::open(&url).await?, SMALL, "small", &mut problems).await?;
    client.batch_execute("vacuum analyze").await?;
    let from_small = Explained::open(&url).await?;
    look(&from_small, SMALL, "small, analyzed", &mut problems).await?;

    fill(&client, SMALL + 1, MANY).await?;
    for (stage, session) in [
        ("many, plans from empty tables", &from_empty),
        ("many, plans from analyzed empty tables", &from_known_empty),
        ("many, plans from small tables", &from_small),
        (
            "many, statistics of small tables",
            &Explained::open(&url).await?,
        ),
    ] {
        look(session, MANY, stage, &mut problems).await?;
    }
    for statement in NOTHING_DUE {
        client.batch_execute(statement).await?;
    }
    for (stage, session) in [
        ("many, nothing due, plans from empty tables", &from_empty),
        ("many, nothing due, plans from small tables", &from_small),
    ] {
        look(session, MANY, stage, &mut problems).await?;
        let carried = Calls::new(session, MANY).all().await?;
        assert!(
            carried.iter().any(is_claim_of_one),
            "{stage}: what was due alone was claimed in another way"
        );
    }
    client.batch_execute(FORGET).await?;
    look(
        &Explained::open(&url).await?,
        MANY,
        "many, no statistics",
        &mut problems,
    )
    .await?;
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    Ok(())
}
