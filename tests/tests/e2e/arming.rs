//! A restore, a copy and a promotion are noticed before anything is sent; arming is a deliberate act, and what may have been
//! sent is looked for first.

use herald_tests::cluster::{Cluster, Stop};
use herald_tests::daemon::Daemon;
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::{Outcome, Stack, stack};
use std::time::Duration;

use crate::unknown::without_callbacks;

/// Starts a daemon that must not send, waits until it has said why, and checks that it has sent nothing.
async fn assert_refuses(stack: &Stack, daemon: &mut Daemon, word: &str) -> Outcome<()> {
    let requests = stack.simulator.requests().await?;
    let has_code = stack.simulator.code_for(UNPROVEN).await.is_ok();
    daemon.start_unready().await?;
    stack
        .wait_until(
            "the daemon says why it does not send",
            PATIENCE,
            async || Ok(daemon.log_text()?.contains("sending is not armed")),
        )
        .await?;
    assert!(daemon.log_text()?.contains(word), "{}", daemon.log_text()?);
    // It goes on trying, and goes on not sending.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!daemon.is_ready().await);
    assert_eq!(stack.simulator.requests().await?, requests);
    let has_code_now = stack.simulator.code_for(UNPROVEN).await.is_ok();
    assert_eq!(has_code_now, has_code, "a code was sent");
    let (_, readiness) = daemon.get("/readyz").await?;
    assert!(readiness.contains("herald arm --yes"), "{readiness}");
    let check = daemon.command(&["check"])?.output()?;
    assert!(
        String::from_utf8_lossy(&check.stdout).contains("fail  arming"),
        "{check:?}"
    );
    Ok(())
}

fn arm(daemon: &Daemon, arguments: &[&str]) -> Outcome<(bool, String)> {
    let output = daemon.command(&[&["arm"], arguments].concat())?.output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// A number that somebody begins to prove while no daemon runs.
const UNPROVEN: &str = "+14155550199";

/// One text delivered, one that waits, a number that waits for its code, and no daemon.
async fn with_one_waiting() -> Outcome<Stack> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "sent before").await?;
    stack.wait_until_settled().await?;
    stack.daemon.kill();
    stack.emit(&user, "waits").await?;
    stack
        .client
        .execute(
            "select start_phone_verification(gen_random_uuid(), $1)",
            &[&UNPROVEN],
        )
        .await?;
    Ok(stack)
}

#[tokio::test]
async fn a_restored_dump_sends_nothing_until_it_is_armed() -> Outcome<()> {
    let stack = with_one_waiting().await?;
    stack.cluster.restore_dump(DATABASE, "restored").await?;
    // Neither a daemon of its own nor the one that has moved to it sends.
    let mut own = stack.another_daemon(&stack.cluster, "restored")?;
    assert_refuses(&stack, &mut own, "a dump was restored").await?;
    let (done, text) = arm(&own, &[])?;
    assert!(!done && text.contains("another database"), "{text}");
    let (done, text) = arm(&own, &["--join"])?;
    assert!(!done && text.contains("not joined"), "{text}");

    // Armed: what was due is looked for, is not there, and goes.
    let (done, text) = arm(&own, &["--yes"])?;
    assert!(done && text.contains("1 texts that were due"), "{text}");
    own.wait_ready(PATIENCE).await?;
    let restored = stack.cluster.connect("restored").await?;
    let hasten = "update herald.sms_send_attempts set resolve_at = now(), absent_at = absent_at - interval '1 hour' where resolve_at is not null";
    stack
        .wait_until("the text that waited is sent", PATIENCE, async || {
            restored.execute(hasten, &[]).await?;
            Ok(stack.simulator.accepted().await?.len() == 2)
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_copied_cluster_is_not_sent_from_by_a_daemon_that_does_not_know_it() -> Outcome<()> {
    let mut stack = with_one_waiting().await?;
    let copy = stack.cluster.copy(false)?;
    let mut stranger = stack.another_daemon(&copy, DATABASE)?;
    assert_refuses(&stack, &mut stranger, "is new").await?;
    stranger.kill();

    // The first database sends on; an earlier state of it does not, not even with its own daemon's state directory.
    stack.daemon.start().await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 2);
    stack
        .client
        .batch_execute("create table life as select n, repeat('x', 100) as goes_on from generate_series(1, 100000) n")
        .await?;
    stack.daemon.kill();
    stack.daemon.start().await?;
    stack.daemon.kill();
    let mut moved = stack.another_daemon(&copy, DATABASE)?;
    let state = stack
        .daemon
        .state_directory()
        .map(std::path::Path::to_path_buf);
    moved.set(
        "HERALD_STATE_DIR",
        &state.unwrap_or_default().to_string_lossy(),
    );
    assert_refuses(&stack, &mut moved, "back in time").await
}

#[tokio::test]
async fn after_a_promotion_what_may_have_been_sent_is_looked_for_first() -> Outcome<()> {
    let mut stack = with_one_waiting().await?;
    without_callbacks(&stack).await?;
    let standby = stack.cluster.copy(true)?;
    let follows = standby.connect(DATABASE).await?;
    let user = stack.seed_user(2).await?;
    stack::emit(&stack.client, &user, "replicated").await?;
    stack
        .wait_until("the standby has followed", PATIENCE, async || {
            let row = follows
                .query_one("select count(*) = 3 from herald.sms_messages", &[])
                .await?;
            Ok(row.try_get(0)?)
        })
        .await?;
    // An asynchronous standby that has lost the last seconds of the primary: claims, answers and all.
    follows_no_more(&standby).await?;
    stack.daemon.start().await?;
    stack
        .wait_until("the primary has sent both", PATIENCE, async || {
            Ok(stack.simulator.accepted().await?.len() == 3)
        })
        .await?;
    stack
        .wait_for_sql(
            "and knows it",
            "select count(twilio_sid) = 3 from herald.sms_messages",
        )
        .await?;
    stack.daemon.kill();
    standby.promote()?;

    let mut daemon = stack.another_daemon(&standby, DATABASE)?;
    if let Some(state) = stack.daemon.state_directory() {
        daemon.set("HERALD_STATE_DIR", &state.to_string_lossy());
    }
    assert_refuses(&stack, &mut daemon, "promoted").await?;
    let (done, text) = arm(&daemon, &["--yes"])?;
    assert!(done && text.contains("2 texts that were due"), "{text}");
    daemon.wait_ready(PATIENCE).await?;
    follows
        .execute(
            "update herald.sms_send_attempts set resolve_at = now() where resolve_at is not null",
            &[],
        )
        .await?;
    stack
        .wait_until("both are found", PATIENCE, async || {
            let row = follows
                .query_one(
                    "select count(*) = 2 from herald.sms_send_attempts where outcome = 'accepted' and resolved_by = 'list'",
                    &[],
                )
                .await?;
            Ok(row.try_get(0)?)
        })
        .await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 3, "none twice");
    Ok(())
}

#[tokio::test]
async fn what_was_claimed_before_somebody_else_armed_the_new_primary_is_not_sent() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    let user = stack.seed_user(1).await?;
    let standby = stack.cluster.copy(true)?;
    let one = format!("127.0.0.1:{}/", stack.cluster.port());
    let both = one.replace('/', &format!(",127.0.0.1:{}/", standby.port()));
    let url = stack.dispatcher_url(DATABASE).replace(&one, &both);
    stack.daemon.set(
        "DATABASE_URL",
        &format!("{url}?target_session_attrs=read-write"),
    );
    stack
        .daemon
        .set("FAILPOINTS", "before_write=sleep(12000)@1");
    stack.daemon.start().await?;
    stack.emit(&user, "Water the plants").await?;
    let follows = standby.connect(DATABASE).await?;
    stack
        .wait_until(
            "it is claimed, on the standby as well",
            PATIENCE,
            async || {
                let claimed =
                    "select count(*) = 1 from herald.sms_messages where status = 'queued'";
                Ok(follows.query_one(claimed, &[]).await?.try_get(0)?)
            },
        )
        .await?;

    // The daemon sleeps through all of it.
    stack.daemon.pause()?;
    stack.cluster.stop(Stop::Immediate)?;
    standby.promote()?;
    let other = stack.another_daemon(&standby, DATABASE)?;
    let (done, text) = arm(&other, &["--yes"])?;
    assert!(done, "{text}");
    stack.daemon.resume()?;
    stack.client = follows;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    let first: String = stack
        .value("select concat_ws(' ', outcome, reason) from herald.sms_send_attempts where attempt = 1")
        .await?;
    assert_eq!(first, "not_sent late", "{}", stack.report().await);
    Ok(())
}

/// The standby gets nothing more from its primary.
async fn follows_no_more(standby: &Cluster) -> Outcome<()> {
    let client = standby.connect(DATABASE).await?;
    client
        .batch_execute("alter system set primary_conninfo = ''")
        .await?;
    client.batch_execute("select pg_reload_conf()").await?;
    let gone = "select not exists (select from pg_stat_wal_receiver)";
    while !client.query_one(gone, &[]).await?.get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_daemon_joins_and_two_never_share_a_state_directory() -> Outcome<()> {
    let mut stack = with_one_waiting().await?;
    let mut second = stack.another_daemon(&stack.cluster, DATABASE)?;
    assert_refuses(&stack, &mut second, "herald arm --join").await?;
    let (done, text) = arm(&second, &["--join"])?;
    assert!(done, "{text}");
    second.wait_ready(PATIENCE).await?;
    stack.wait_until_settled().await?;
    stack.daemon.start().await?;

    let own = second.state_directory().map(std::path::Path::to_path_buf);
    let output = stack
        .daemon
        .command(&["run"])?
        .env("HERALD_STATE_DIR", own.unwrap_or_default())
        .env("HERALD_HTTP_LISTEN", "127.0.0.1:0")
        .output()?;
    let log = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{log}");
    assert!(log.contains("in use by another herald"), "{log}");
    Ok(())
}
