//! Status callbacks as they come in life: early, twice, in the wrong order, and from strangers.

use herald_core::signature;
use herald_tests::simulator::{CallbackSettings, NextRequests};
use herald_tests::{Outcome, Stack};

async fn callbacks(stack: &Stack, mode: &'static str) -> Outcome<()> {
    stack
        .simulator
        .settings(&CallbackSettings {
            callbacks: Some(mode),
            ..CallbackSettings::default()
        })
        .await
}

async fn statuses(stack: &Stack) -> Outcome<(String, String)> {
    let message = stack
        .value("select string_agg(status, ' ') from herald.sms_messages")
        .await?;
    let delivery = stack
        .value("select string_agg(status, ' ') from herald.notification_deliveries")
        .await?;
    Ok((message, delivery))
}

fn delivered() -> (String, String) {
    ("delivered".to_string(), "delivered".to_string())
}

#[tokio::test]
async fn a_callback_before_the_answer_is_not_lost() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    callbacks(&stack, "early").await?;
    stack
        .simulator
        .next(&NextRequests {
            count: 1,
            latency_ms: Some(400),
            ..NextRequests::default()
        })
        .await?;
    stack.emit(&user, "Water the plants").await?;
    let ledger = "select exists (select from herald.sms_send_attempts where outcome = 'accepted')";
    stack
        .wait_for_sql("the ledger says accepted", ledger)
        .await?;
    stack.wait_until_settled().await?;
    assert_eq!(statuses(&stack).await?, delivered());
    let accepted = stack.simulator.accepted().await?;
    assert_eq!(accepted.len(), 1);
    assert_eq!(
        stack
            .value::<String>("select twilio_sid from herald.sms_messages")
            .await?,
        accepted[0].sid
    );
    assert!(
        accepted[0]
            .callbacks
            .iter()
            .all(|callback| callback.http_status.is_some_and(|status| status < 300))
    );
    Ok(())
}

#[tokio::test]
async fn callbacks_that_come_twice_do_no_harm() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    callbacks(&stack, "duplicate").await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "both of each",
            "select count(*) > 2 and count(*) % 2 = 0 from herald.twilio_callbacks",
        )
        .await?;
    stack.wait_until_settled().await?;
    assert_eq!(statuses(&stack).await?, delivered());
    let applied_twice: i64 = stack
        .value("select count(*) from (select from herald.twilio_callbacks where result = 'applied' group by message_status having count(*) > 1) t")
        .await?;
    assert_eq!(applied_twice, 0);
    Ok(())
}

#[tokio::test]
async fn callbacks_in_reverse_order_never_move_a_status_back() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    callbacks(&stack, "reverse").await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "the last callback, which reports the first status",
            "select count(*) >= 2 from herald.twilio_callbacks",
        )
        .await?;
    stack.wait_until_settled().await?;
    assert_eq!(statuses(&stack).await?, delivered());
    let first: String = stack
        .value("select message_status from herald.twilio_callbacks where result = 'applied'")
        .await?;
    assert_eq!(first, "delivered");
    let filled: bool = stack
        .value("select sent_at is not null and delivered_at is not null from herald.sms_messages")
        .await?;
    assert!(filled, "a late callback fills the timestamp it stands for");
    Ok(())
}

#[tokio::test]
async fn only_signed_callbacks_reach_the_database() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    callbacks(&stack, "none").await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "Twilio has it",
            "select status = 'sending' from herald.sms_messages",
        )
        .await?;
    let accepted = stack.simulator.accepted().await?;
    let status_callback = accepted[0].params["StatusCallback"]
        .as_str()
        .unwrap_or_default();
    let url = status_callback.split('#').next().unwrap_or_default();
    let target = url.strip_prefix(&stack.daemon.url).unwrap_or_default();
    let form = |status: &str| {
        [
            ("MessageSid", accepted[0].sid.as_str()),
            ("MessageStatus", status),
            ("AccountSid", &stack.simulator.account.sid),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .to_vec()
    };
    let token = &stack.simulator.account.auth_token;
    let right = signature::sign(token, url, &form("delivered"));
    let strangers = signature::sign("00000000000000000000000000000000", url, &form("delivered"));

    assert_eq!(
        stack
            .daemon
            .post_form(target, &[], &form("delivered"))
            .await?,
        403
    );
    for forged in [strangers.as_str(), "", "bm9uc2Vuc2U=", "not base64"] {
        let headers = [("X-Twilio-Signature", forged)];
        assert_eq!(
            stack
                .daemon
                .post_form(target, &headers, &form("delivered"))
                .await?,
            403,
            "{forged:?}"
        );
    }
    // A right signature of another content, and of another message's URL.
    let headers = [("X-Twilio-Signature", right.as_str())];
    assert_eq!(
        stack
            .daemon
            .post_form(target, &headers, &form("failed"))
            .await?,
        403
    );
    assert_eq!(
        stack
            .daemon
            .post_form(&format!("{target}0"), &headers, &form("delivered"))
            .await?,
        403
    );
    assert_eq!(
        stack
            .value::<i64>("select count(*) from herald.twilio_callbacks")
            .await?,
        0
    );
    assert_eq!(
        stack
            .value::<String>("select status from herald.sms_messages")
            .await?,
        "sending"
    );

    let answer = stack
        .daemon
        .post_form(target, &headers, &form("delivered"))
        .await?;
    assert!((200..300).contains(&answer), "{answer}");
    assert_eq!(statuses(&stack).await?, delivered());
    Ok(())
}
