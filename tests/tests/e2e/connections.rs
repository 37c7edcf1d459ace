//! Ways to Postgres: several hosts, a pooler in transaction mode, and results that wait on disk while it is away.

use herald_tests::cluster::Stop;
use herald_tests::ports::free_port;
use herald_tests::process::Process;
use herald_tests::programs::Account;
use herald_tests::simulator::NextRequests;
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::{Outcome, Stack};
use std::time::Duration;

use crate::unknown::without_callbacks;

#[tokio::test]
async fn the_host_that_takes_writes_is_found_among_several() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    let standby = stack.cluster.copy(true)?;
    let url = stack.dispatcher_url(DATABASE);
    let (before, after) = url.split_once("127.0.0.1:").unwrap_or_default();
    let (port, database) = after.split_once('/').unwrap_or_default();
    let standby_url = standby.url(DATABASE);
    let standby_port = standby_url
        .rsplit_once(':')
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(port, _)| port);
    let dead = free_port()?;
    stack.daemon.set(
        "DATABASE_URL",
        &format!(
            "{before}127.0.0.1:{dead},127.0.0.1:{standby_port},127.0.0.1:{port}/{database}?target_session_attrs=read-write"
        ),
    );
    stack.daemon.start().await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "Water the plants").await?;
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn behind_a_pooler_in_transaction_mode_it_says_so_and_polls() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    let port = free_port()?;
    let directory = stack.cluster.directory().to_path_buf();
    let direct = stack.dispatcher_url(DATABASE);
    let (credentials, server) = direct
        .trim_start_matches("postgres://")
        .split_once('@')
        .unwrap_or_default();
    let (user, password) = credentials.split_once(':').unwrap_or_default();
    let server_port = server
        .split_once(':')
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(port, _)| port);
    let configuration = directory.join("pgbouncer.ini");
    std::fs::write(
        &configuration,
        format!(
            "[databases]\n{DATABASE} = host=127.0.0.1 port={server_port} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        ),
    )?;
    let account = Account::of_postgres()?;
    account.own(&configuration)?;
    let mut command = account.command("/usr/sbin/pgbouncer");
    command.arg(&configuration);
    let log = directory.join("pgbouncer.log");
    let mut pooler = Process::start("pgbouncer", command, &log)?;
    pooler
        .wait_for_line("listening on", Duration::from_secs(10))
        .await?;
    stack.daemon.set(
        "DATABASE_URL",
        &format!("postgres://{user}:{password}@127.0.0.1:{port}/{DATABASE}"),
    );
    stack.daemon.start().await?;
    let said = "a pooler in transaction mode is in the path";
    assert!(
        stack.daemon.log_text()?.contains(said),
        "{}",
        stack.daemon.log_text()?
    );
    let people = [stack.seed_user(1).await?, stack.seed_user(2).await?];
    for n in 0..20 {
        stack.emit(&people[n % 2], &format!("task {n}")).await?;
    }
    stack.wait_until_settled().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 20);
    let (_, readiness) = stack.daemon.get("/readyz").await?;
    assert!(readiness.contains("\"mode\":\"poll\""), "{readiness}");
    let check = stack.daemon.command(&["check"])?.output()?;
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && text.contains("pooler"), "{text}");
    // Nothing of ours stays on the server sessions that others get next.
    let leaked: i64 = stack
        .value("select count(*) from pg_stat_activity where usename = 'herald_dispatcher' and state = 'idle in transaction'")
        .await?;
    assert_eq!(leaked, 0);
    Ok(())
}

#[tokio::test]
async fn results_that_could_not_be_written_survive_kill_9() -> Outcome<()> {
    const MESSAGES: u32 = 5;
    let mut stack = Stack::start().await?;
    without_callbacks(&stack).await?;
    stack
        .simulator
        .next(&NextRequests {
            count: MESSAGES,
            latency_ms: Some(1500),
            ..NextRequests::default()
        })
        .await?;
    for n in 0..MESSAGES {
        let user = stack.seed_user(n).await?;
        stack.emit(&user, &format!("task {n}")).await?;
    }
    stack
        .wait_until("all requests are under way", PATIENCE, async || {
            Ok(stack.simulator.requests().await? == u64::from(MESSAGES))
        })
        .await?;
    stack.cluster.stop(Stop::Immediate)?;
    let journal = stack
        .daemon
        .state_directory()
        .map(|path| path.join("journal"))
        .unwrap_or_default();
    stack
        .wait_until("the answers are in the journal", PATIENCE, async || {
            let text = std::fs::read_to_string(&journal).unwrap_or_default();
            Ok(text.lines().count() == MESSAGES as usize)
        })
        .await?;
    let text = std::fs::read_to_string(&journal)?;
    assert!(
        !text.contains("task") && !text.contains("55501"),
        "neither text nor number: {text}"
    );
    stack.daemon.kill();
    stack.cluster.start_again()?;
    stack.client = stack.connect().await?;
    stack.daemon.start().await?;
    stack
        .wait_for_sql(
            "every answer is in the ledger",
            "select count(*) = 5 and bool_and(outcome = 'accepted' and resolved_by is null) from herald.sms_send_attempts",
        )
        .await?;
    stack
        .wait_until(
            "the journal is gone, now that it is written",
            PATIENCE,
            async || Ok(!journal.exists()),
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, u64::from(MESSAGES));
    Ok(())
}

#[tokio::test]
async fn a_failpoint_ends_the_daemon_where_it_says() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    let user = stack.seed_user(1).await?;
    stack.daemon.set("FAILPOINTS", "before_result_commit=abort");
    stack.daemon.start().await?;
    stack.emit(&user, "Water the plants").await?;
    let status = stack.daemon.wait(PATIENCE).await?;
    assert!(!status.success());
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    let written: i64 = stack
        .value("select count(*) from herald.sms_send_attempts")
        .await?;
    assert_eq!(written, 0, "{}", stack.report().await);
    Ok(())
}
