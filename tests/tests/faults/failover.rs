//! The primary dies under load and its standby is promoted. The daemon knows both by one URL, and sends nothing from the new
//! primary before somebody says so.

use herald_tests::cluster::{Cluster, Stop, run};
use herald_tests::load::Fate;
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::trial::Trial;
use herald_tests::{Failure, Outcome};
use std::time::Duration;
use tokio_postgres::Client;

use crate::kills::slow_answers;
use crate::network::LOAD;

/// The URL of one server, made into one of both, of which the one is taken that writes can go to.
fn either(url: &str, one: &Cluster, other: &Cluster) -> Outcome<String> {
    let host = format!("127.0.0.1:{}/", one.port());
    let both = format!("127.0.0.1:{},127.0.0.1:{}/", one.port(), other.port());
    match url.split_once(&host) {
        Some((before, database)) => Ok(format!(
            "{before}{both}{database}?target_session_attrs=read-write"
        )),
        None => Err(Failure::new("the URL names another server")),
    }
}

async fn ask<T>(client: &Client, query: &str) -> Outcome<T>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    Ok(client.query_one(query, &[]).await?.try_get(0)?)
}

/// The primary dies, the standby takes its place, the daemon stops by itself; an operator arms it.
async fn fail_over(trial: &mut Trial, standby: &Cluster) -> Outcome<()> {
    trial.stack.cluster.stop(Stop::Immediate)?;
    standby.promote()?;
    trial.stack.client = standby.connect(DATABASE).await?;
    trial
        .stack
        .wait_until("the daemon notices the promotion", PATIENCE, async || {
            let (_, readiness) = trial.stack.daemon.get("/readyz").await?;
            Ok(readiness.contains("herald arm --yes"))
        })
        .await?;
    assert!(trial.stack.daemon.log_text()?.contains("promoted"));
    // What was on its way is answered.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let requests = trial.stack.simulator.requests().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(trial.stack.simulator.requests().await?, requests);
    run(&mut trial.stack.daemon.command(&["arm", "--yes"])?)?;
    trial.stack.daemon.wait_ready(PATIENCE).await
}

/// A standby that follows, and a daemon and an application that know both servers.
async fn prepared(fault: &str) -> Outcome<(Trial, Cluster, String)> {
    let mut trial = Trial::prepare(fault).await?;
    slow_answers(&trial.stack, 100).await?;
    let standby = trial.stack.cluster.copy(true)?;
    let primary = &trial.stack.cluster;
    let url = either(&trial.stack.dispatcher_url(DATABASE), primary, &standby)?;
    let app_url = either(&trial.app_url(), primary, &standby)?;
    trial.stack.daemon.set("DATABASE_URL", &url);
    Ok((trial, standby, app_url))
}

const QUARANTINED: &str =
    "select count(*) from herald.sms_send_attempts where reason = 'quarantine'";

#[tokio::test(flavor = "multi_thread")]
async fn to_a_synchronous_standby() -> Outcome<()> {
    let (mut trial, standby, app_url) = prepared("failover to a synchronous standby").await?;
    for statement in [
        "alter system set synchronous_standby_names = '*'",
        "select pg_reload_conf()",
    ] {
        trial.stack.client.batch_execute(statement).await?;
    }
    trial
        .stack
        .wait_for_sql(
            "the standby is synchronous",
            "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'",
        )
        .await?;
    trial.stack.daemon.start().await?;
    let load = trial.load_at(&app_url, LOAD);
    let time = u64::from(trial.scale(3, 60)) * 1000;
    tokio::time::sleep(trial.random_ms(time..time + 2000)).await;
    fail_over(&mut trial, &standby).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let emitted = load.stop().await?;
    let quarantined: i64 = ask(&trial.stack.client, QUARANTINED).await?;
    trial.settle().await?;
    let figures = trial.figures(&emitted).await?;
    let note = format!("{quarantined} looked for first");
    trial.record(&figures, 1, Some(note))?;
    trial.must_be_kept(&figures, 0).await?;
    assert!(quarantined > 0, "{figures:#?}");
    Ok(())
}

/// The standby gets nothing more from its primary.
async fn cut(trial: &Trial, standby: &Cluster) -> Outcome<()> {
    let client = standby.connect(DATABASE).await?;
    client
        .batch_execute("alter system set primary_conninfo = ''")
        .await?;
    client.batch_execute("select pg_reload_conf()").await?;
    trial
        .stack
        .wait_until("the standby is cut off", PATIENCE, async || {
            ask(
                &client,
                "select not exists (select from pg_stat_wal_receiver)",
            )
            .await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn to_an_asynchronous_standby_that_has_lost_the_end() -> Outcome<()> {
    let (mut trial, standby, app_url) =
        prepared("failover to an asynchronous standby, which lacks the last commits").await?;
    trial.stack.daemon.start().await?;
    let load = trial.load_at(&app_url, LOAD);
    let time = u64::from(trial.scale(1, 30)) * 1000;
    tokio::time::sleep(trial.random_ms(time..time + 1000)).await;
    // Texts wait when the standby is cut off; then they are sent, and it does not hear of that.
    trial.stack.daemon.terminate(PATIENCE).await?;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    cut(&trial, &standby).await?;
    let waiting = "select count(*) from herald.queue_jobs";
    let waiting: i64 = ask(&standby.connect(DATABASE).await?, waiting).await?;
    let requests = trial.stack.simulator.requests().await?;
    trial.stack.daemon.start().await?;
    trial
        .stack
        .wait_until("texts are sent", PATIENCE, async || {
            Ok(trial.stack.simulator.requests().await? > requests + 20)
        })
        .await?;
    tokio::time::sleep(trial.random_ms(500..1500)).await;
    fail_over(&mut trial, &standby).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let emitted = load.stop().await?;
    trial.settle().await?;
    let figures = trial.figures(&emitted).await?;
    let found = "select count(*) from herald.sms_send_attempts \
                 where reason in ('quarantine', 'claim_lost') and outcome = 'accepted'";
    let found: i64 = ask(&trial.stack.client, found).await?;
    let note = format!(
        "{} commits lost with their orders; {found} texts of lost claims found by Twilio's list or callbacks",
        figures.commits_lost
    );
    trial.record(&figures, 1, Some(note))?;
    // An order whose commit was not answered may have been texted before it was lost.
    let is_kept = figures.twice + figures.lost + figures.left + figures.given_up == 0
        && figures.unasked <= emitted.count(Fate::Unclear)
        && figures.errors.is_empty();
    if !is_kept {
        return Err(trial.explained(Failure::new(format!(
            "a promise was not kept: {figures:#?}\n{}",
            trial.stack.report().await
        ))));
    }
    // Otherwise nothing was tried here.
    assert!(
        waiting > 0 && figures.commits_lost > 0 && found > 0,
        "{figures:#?}"
    );
    Ok(())
}
