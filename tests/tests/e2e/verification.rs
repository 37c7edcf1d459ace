//! Phone numbers are proven: from the call in SQL through the daemon and Verify to the welcome, and every way it fails.

use std::future::poll_fn;

use crate::{INSUFFICIENT_PRIVILEGE, refusal};
use herald_tests::people::phone_number;
use herald_tests::stack::{DATABASE, PATIENCE};
use herald_tests::{Outcome, Stack};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};
use uuid::Uuid;

/// A stack whose welcome is not held back by the time of day, and a user that it knows nothing of but that.
async fn stack_with_user() -> Outcome<(Stack, Uuid)> {
    let stack = Stack::start().await?;
    let user = awake(&stack).await?;
    Ok((stack, user))
}

/// A user without quiet hours.
async fn awake(stack: &Stack) -> Outcome<Uuid> {
    let user = Uuid::new_v4();
    let set = "select set_notification_preferences($1, '{\"quiet_hours_enabled\": false}')";
    stack.client.query_one(set, &[&user]).await?;
    Ok(user)
}

async fn start(client: &Client, user: Uuid, number: &str) -> Outcome<Uuid> {
    let row = client
        .query_one("select start_phone_verification($1, $2)", &[&user, &number])
        .await?;
    Ok(row.get(0))
}

async fn confirm(client: &Client, user: Uuid, code: &str) -> Outcome<String> {
    let row = client
        .query_one("select confirm_phone_verification($1, $2)", &[&user, &code])
        .await?;
    Ok(row.get(0))
}

/// Status and reason, as `status` or `status: reason`, once Twilio has answered.
async fn answer(stack: &Stack, user: Uuid) -> Outcome<String> {
    let state = "select status || coalesce(': ' || reason, '') from get_phone_verification($1)";
    let read =
        async || -> Outcome<String> { Ok(stack.client.query_one(state, &[&user]).await?.get(0)) };
    stack
        .wait_until("Twilio's answer", PATIENCE, async || {
            Ok(!matches!(read().await?.as_str(), "starting" | "checking"))
        })
        .await?;
    read().await
}

/// A code that is wrong.
fn other_than(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

/// What is announced from now on.
async fn announcements(stack: &Stack) -> Outcome<UnboundedReceiver<Value>> {
    let url = stack.cluster.url(DATABASE);
    let (client, mut connection) = tokio_postgres::connect(&url, NoTls).await?;
    let (heard, announced) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(note) = message
                && heard
                    .send(serde_json::from_str(note.payload()).unwrap_or_default())
                    .is_err()
            {
                return;
            }
        }
    });
    client
        .batch_execute("listen herald_phone_verification")
        .await?;
    // The session lives as long as its client.
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(client)
    });
    Ok(announced)
}

#[tokio::test]
async fn a_number_is_proven_and_welcomed() -> Outcome<()> {
    let (mut stack, user) = stack_with_user().await?;
    let app = stack.connect_as_new_role("shop", Some("app")).await?;
    let mut announced = announcements(&stack).await?;
    let number = phone_number(1);
    let id = start(&app, user, &number).await?;
    assert_eq!(answer(&stack, user).await?, "pending");

    let code = stack.simulator.code_for(&number).await?;
    assert_eq!(confirm(&app, user, other_than(&code)).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "pending: wrong_code");
    let consent = "select set_notification_preferences($1, '{\"sms_enabled\": true}')";
    let refused: Value = app.query_one(consent, &[&user]).await?.get(0);
    assert_eq!(refused["details"]["requiresPhoneVerification"], true);
    assert_eq!(confirm(&app, user, &code).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "approved");
    let accepted: Value = app.query_one(consent, &[&user]).await?.get(0);
    assert_eq!(accepted["success"], true);

    stack.wait_until_settled().await?;
    let texts = stack.simulator.accepted().await?;
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].to, number);
    assert!(texts[0].body.contains("STOP"), "{}", texts[0].body);
    let delivered = "select status = 'delivered' from herald.notification_deliveries";
    assert!(stack.value::<bool>(delivered).await?);
    let info = "select has_sms_available from get_user_sms_channel_info($1)";
    assert!(app.query_one(info, &[&user]).await?.get::<_, bool>(0));

    let mut told = Vec::new();
    while let Ok(note) = announced.try_recv() {
        assert_eq!(note["verification_id"], json!(id));
        assert_eq!(note["user_id"], json!(user));
        told.push((note["status"].clone(), note["reason"].clone()));
    }
    let expected = [
        (json!("pending"), Value::Null),
        (json!("pending"), json!("wrong_code")),
        (json!("approved"), Value::Null),
    ];
    assert_eq!(told, expected);

    let (_, metrics) = stack.daemon.get("/metrics").await?;
    for line in [
        "herald_phone_verifications_total{step=\"start\",verdict=\"sent\"} 1",
        "herald_phone_verifications_total{step=\"check\",verdict=\"wrong_code\"} 1",
        "herald_phone_verifications_total{step=\"check\",verdict=\"approved\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    stack.daemon.terminate(PATIENCE).await?;
    let log = stack.daemon.log_text()?;
    assert!(!log.contains(&code) && !log.contains(&number), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_call_waits_for_the_answer() -> Outcome<()> {
    let (stack, user) = stack_with_user().await?;
    let app = stack.connect_as_new_role("shop", Some("app")).await?;
    let call = async |code: &str| -> Outcome<String> {
        let row = app
            .query_one("call verify_phone_code($1, $2)", &[&user, &code])
            .await?;
        Ok(row.get(0))
    };
    assert_eq!(call("123456").await?, "no_verification");
    let number = phone_number(1);
    start(&app, user, &number).await?;
    assert_eq!(answer(&stack, user).await?, "pending");
    let code = stack.simulator.code_for(&number).await?;
    assert_eq!(call("12").await?, "malformed_code");
    assert_eq!(call(other_than(&code)).await?, "wrong_code");

    app.batch_execute("begin").await?;
    let inside = app
        .query_one("call verify_phone_code($1, $2)", &[&user, &code])
        .await;
    assert_eq!(refusal(inside)?, "2D000");
    app.batch_execute("rollback").await?;
    assert_eq!(call(&code).await?, "approved");
    assert_eq!(call(&code).await?, "no_verification");

    let nobody = stack.connect_as_new_role("nobody_special", None).await?;
    let refused = nobody
        .query("call verify_phone_code($1, '123456')", &[&user])
        .await;
    assert_eq!(refusal(refused)?, INSUFFICIENT_PRIVILEGE);
    Ok(())
}

#[tokio::test]
async fn without_a_daemon_a_call_comes_back_in_time() -> Outcome<()> {
    let stack = Stack::without_daemon().await?;
    let user = Uuid::new_v4();
    start(&stack.client, user, &phone_number(1)).await?;
    stack
        .client
        .batch_execute(
            "update herald.phone_verifications set status = 'pending'; delete from herald.queue_jobs;
             select herald_set_setting('verify_wait_seconds', '1')",
        )
        .await?;
    let call = "call verify_phone_code($1, '123456')";
    let row = stack.client.query_one(call, &[&user]).await?;
    assert_eq!(row.get::<_, &str>(0), "checking");
    Ok(())
}

#[tokio::test]
async fn every_refusal_of_a_start_is_an_answer_of_its_own() -> Outcome<()> {
    let stack = Stack::start().await?;
    let cases = [
        (1, json!({"outcome": "landline"}), "failed: landline"),
        (2, json!({"outcome": "blocked"}), "failed: prefix_blocked"),
        (3, json!({"outcome": "refused"}), "failed: prefix_blocked"),
        (4, json!({"outcome": "country"}), "failed: country_blocked"),
        (5, json!({"code": 60200}), "failed: number_invalid"),
        (6, json!({"code": 60203}), "failed: too_many_starts"),
        (
            7,
            json!({"code": 20003, "http_status": 401}),
            "failed: service_failure",
        ),
        // These pass: the start is made again.
        (8, json!({"outcome": "concurrent", "count": 1}), "pending"),
        (9, json!({"outcome": "rate_limit", "count": 1}), "pending"),
        (10, json!({"outcome": "failure", "count": 1}), "pending"),
        (
            11,
            json!({"outcome": "unavailable"}),
            "failed: service_failure",
        ),
    ];
    let rules: Vec<Value> = cases
        .iter()
        .map(|(n, rule, _)| {
            let mut rule = rule.clone();
            rule["to"] = json!(phone_number(*n));
            rule
        })
        .collect();
    stack.simulator.verify_rules(&json!(rules)).await?;
    let mut users = Vec::new();
    for (n, _, expected) in &cases {
        let user = Uuid::new_v4();
        start(&stack.client, user, &phone_number(*n)).await?;
        users.push((user, *expected, *n));
    }
    for (user, expected, n) in users {
        assert_eq!(answer(&stack, user).await?, expected, "number {n}");
    }
    Ok(())
}

#[tokio::test]
async fn every_refusal_of_a_code_is_an_answer_of_its_own() -> Outcome<()> {
    let (stack, user) = stack_with_user().await?;
    let number = phone_number(1);
    start(&stack.client, user, &number).await?;
    assert_eq!(answer(&stack, user).await?, "pending");
    let code = stack.simulator.code_for(&number).await?;
    let refuse = async |rule: Value| stack.simulator.verify_rules(&json!([rule])).await;

    refuse(json!({"to": number, "on": "check", "outcome": "failure", "count": 1})).await?;
    assert_eq!(confirm(&stack.client, user, &code).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "pending: service_failure");
    refuse(json!({"to": number, "on": "check", "code": 20003, "http_status": 401})).await?;
    assert_eq!(confirm(&stack.client, user, &code).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "pending: service_failure");
    refuse(json!({"to": number, "on": "check", "code": 60202})).await?;
    assert_eq!(confirm(&stack.client, user, &code).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "failed: too_many_checks");

    // The code ends at Twilio before we think so.
    stack.simulator.verify_rules(&json!([])).await?;
    stack
        .simulator
        .verify_settings(&json!({"ttl_seconds": 1}))
        .await?;
    let number = phone_number(2);
    start(&stack.client, user, &number).await?;
    assert_eq!(answer(&stack, user).await?, "pending");
    let code = stack.simulator.code_for(&number).await?;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(confirm(&stack.client, user, &code).await?, "checking");
    assert_eq!(answer(&stack, user).await?, "expired");
    assert!(stack.simulator.accepted().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_daemon_that_is_killed_leaves_the_start_to_the_next_one() -> Outcome<()> {
    let mut stack = Stack::start().await?;
    stack
        .simulator
        .verify_settings(&json!({"start_latency_ms": 60_000}))
        .await?;
    let user = Uuid::new_v4();
    let number = phone_number(1);
    start(&stack.client, user, &number).await?;
    stack
        .wait_for_sql(
            "the claim",
            "select bool_or(claims = 1) from herald.phone_verifications",
        )
        .await?;
    stack.daemon.kill();
    stack
        .simulator
        .verify_settings(&json!({"start_latency_ms": 0}))
        .await?;
    // The lease would take its time.
    stack
        .client
        .execute(
            "update herald.queue_jobs set run_at = now() where job_type = 'verify'",
            &[],
        )
        .await?;
    stack.daemon.start().await?;
    assert_eq!(answer(&stack, user).await?, "pending");
    let code = stack.simulator.code_for(&number).await?;
    confirm(&stack.client, user, &code).await?;
    assert_eq!(answer(&stack, user).await?, "approved");
    Ok(())
}

#[tokio::test]
async fn without_a_service_nobody_waits_for_a_code() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    stack.daemon.set("TWILIO_VERIFY_SERVICE_SID", "");
    stack.daemon.start().await?;
    let user = Uuid::new_v4();
    start(&stack.client, user, &phone_number(1)).await?;
    assert_eq!(answer(&stack, user).await?, "failed: service_failure");
    Ok(())
}

#[tokio::test]
async fn check_asks_for_the_service() -> Outcome<()> {
    let stack = Stack::without_daemon().await?;
    let check = |name: &str, value: &str| -> Outcome<(Option<i32>, String)> {
        let output = stack
            .daemon
            .command(&["check"])?
            .env(name, value)
            .output()?;
        Ok((
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        ))
    };
    let (code, text) = check("TWILIO_VERIFY_BASE_URL", &stack.simulator.url)?;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("proves phone numbers"), "{text}");
    let (code, text) = check("TWILIO_VERIFY_SERVICE_SID", "")?;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("numbers cannot be verified"), "{text}");
    let (code, text) = check("TWILIO_VERIFY_BASE_URL", "http://127.0.0.1:1")?;
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = check("TWILIO_VERIFY_SERVICE_SID", "VA1")?;
    assert_eq!(code, Some(78), "{text}");
    Ok(())
}
