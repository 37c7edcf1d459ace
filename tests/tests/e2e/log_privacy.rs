//! Nothing in the logs of the daemon and of Postgres tells who was texted what, or how to send as us.

use herald_tests::simulator::{CallbackSettings, NextRequests};
use herald_tests::{Outcome, Stack};

#[tokio::test]
async fn the_log_of_a_run_has_no_number_no_text_and_no_secret() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    stack.daemon.set("HERALD_LOG_LEVEL", "trace");
    stack.daemon.start().await?;
    let user = stack.seed_user(1).await?;
    // Success, a refusal, an error after acceptance, a reset, a gateway's page: every branch that logs.
    stack.emit(&user, "Secret errand").await?;
    stack.wait_until_settled().await?;
    for fault in ["error_before", "error_after", "reset_after", "html_502"] {
        stack
            .simulator
            .next(&NextRequests {
                count: 1,
                fault: Some(fault),
                ..NextRequests::default()
            })
            .await?;
        stack.emit(&user, &format!("Secret errand {fault}")).await?;
        stack.wait_until_nothing_waits().await?;
    }
    let refusal = NextRequests {
        count: 1,
        http_status: Some(400),
        code: Some(21612),
        fault: Some("error_before"),
        ..NextRequests::default()
    };
    stack.simulator.next(&refusal).await?;
    stack.emit(&user, "Secret errand refused").await?;
    stack
        .wait_for_sql(
            "the refusal",
            "select exists (select from herald.sms_messages where status = 'failed')",
        )
        .await?;
    let ending = CallbackSettings {
        final_status: Some("failed"),
        error_code: Some(30006),
        ..CallbackSettings::default()
    };
    stack.simulator.settings(&ending).await?;
    stack.emit(&user, "Secret errand failed").await?;
    stack
        .wait_for_sql(
            "the failure",
            "select count(*) = 2 from herald.sms_messages where status = 'failed'",
        )
        .await?;
    let form = [
        ("MessageSid".to_string(), "SM1".to_string()),
        ("To".to_string(), user.phone_number.clone()),
    ];
    assert_eq!(
        stack.daemon.post_form("/twilio/status", &[], &form).await?,
        403
    );
    // A text that says something, one that ends everything, and one that is forged.
    for (sid, body) in [
        ("SM2", "Secret errand done"),
        ("SM3", "STOP the Secret errand"),
        ("SM4", "stop"),
    ] {
        let text = crate::inbound::text(&stack, sid, &user.phone_number, body).await?;
        assert_eq!(text, 200);
    }
    let form = [
        ("MessageSid".to_string(), "SM5".to_string()),
        ("From".to_string(), user.phone_number.clone()),
        ("Body".to_string(), "Secret errand".to_string()),
    ];
    assert_eq!(
        stack
            .daemon
            .post_form("/twilio/inbound", &[], &form)
            .await?,
        403
    );
    let status = stack
        .daemon
        .terminate(std::time::Duration::from_secs(30))
        .await?;
    assert!(status.success(), "{status}");

    let log = stack.daemon.log_text()?;
    assert!(log.lines().count() > 3, "the daemon logs something:\n{log}");
    let callback_key: String = stack
        .value("select value #>> '{}' from herald.settings where name = 'callback_key'")
        .await?;
    let log_of_postgres = std::fs::read_to_string(stack.cluster.log())?;
    let opt_out_key: String = stack
        .value("select value #>> '{}' from herald.settings where name = 'opt_out_key'")
        .await?;
    let digits = user.phone_number.trim_start_matches('+');
    for (what, secret) in [
        ("the number", digits),
        ("the text", "Secret errand"),
        ("the auth token", &stack.simulator.account.auth_token),
        ("the callback key", &callback_key),
        ("the key of the hashes", &opt_out_key),
        ("the database password", "postgres://"),
    ] {
        let line = log
            .lines()
            .chain(log_of_postgres.lines())
            .find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} is in a log");
    }
    Ok(())
}
