//! What an operator sees: `herald check`, health, metrics, and the talk with systemd.

use herald_tests::stack::PATIENCE;
use herald_tests::{Outcome, Stack};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Output;
use std::time::Duration;

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}{err}", output.status)
}

#[tokio::test]
async fn check_finds_nothing_wrong_with_what_runs() -> Outcome<()> {
    let stack = Stack::start().await?;
    let output = stack.daemon.command(&["check"])?.output()?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(())
}

#[tokio::test]
async fn check_says_what_is_wrong() -> Outcome<()> {
    const PROBLEMS: i32 = 1;
    const CONFIGURATION: i32 = 78;
    let stack = Stack::without_daemon().await?;
    let not_installed = stack.cluster.url("postgres");
    let cases = [
        (
            "TWILIO_AUTH_TOKEN",
            "00000000000000000000000000000000",
            PROBLEMS,
        ),
        ("DATABASE_URL", &not_installed, PROBLEMS),
        (
            "DATABASE_URL",
            "postgres://nobody:x@127.0.0.1:1/app",
            PROBLEMS,
        ),
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:1", PROBLEMS),
        ("TWILIO_ACCOUNT_SID", "", CONFIGURATION),
        ("HERALD_HTTP_LISTENN", "127.0.0.1:0", CONFIGURATION),
    ];
    for (name, value, code) in cases {
        let output = stack
            .daemon
            .command(&["check"])?
            .env(name, value)
            .output()?;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name}={value}: {}",
            text(&output)
        );
        assert!(!text(&output).contains(&stack.simulator.account.auth_token));
    }
    Ok(())
}

#[tokio::test]
async fn metrics_count_what_happened_without_naming_anybody() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    stack.emit(&user, "Water the plants").await?;
    stack.wait_until_settled().await?;
    let has = async |line: &str| -> Outcome<bool> {
        Ok(stack
            .daemon
            .get("/metrics")
            .await?
            .1
            .lines()
            .any(|found| found == line))
    };
    for line in [
        "herald_attempts_total{outcome=\"accepted\"} 1",
        "herald_messages_claimed_total 1",
        "herald_db_connected 1",
    ] {
        stack
            .wait_until(line, PATIENCE, async || has(line).await)
            .await?;
    }
    let (status, metrics) = stack.daemon.get("/metrics").await?;
    assert_eq!(status, 200);
    assert!(!metrics.contains(user.phone_number.trim_start_matches('+')));
    assert_eq!(stack.daemon.get("/livez").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn systemd_is_told_when_it_is_ready_alive_and_stopping() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    let path = stack.cluster.directory().join("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    stack.daemon.set("NOTIFY_SOCKET", &path.to_string_lossy());
    stack.daemon.set("WATCHDOG_USEC", "3000000");
    stack.daemon.start().await?;
    let wait_for = |state: &str| -> Outcome<()> {
        let mut message = [0; 4096];
        loop {
            let length = match socket.recv(&mut message) {
                // The end of another child of ours.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                received => received?,
            };
            if String::from_utf8_lossy(&message[..length])
                .lines()
                .any(|line| line == state)
            {
                return Ok(());
            }
        }
    };
    wait_for("READY=1")?;
    wait_for("WATCHDOG=1")?;
    wait_for("WATCHDOG=1")?;
    assert!(
        stack
            .daemon
            .terminate(Duration::from_secs(30))
            .await?
            .success()
    );
    wait_for("STOPPING=1")
}
