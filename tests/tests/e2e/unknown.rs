//! What nobody knows is found out: accepted texts are adopted, others are sent, and an operator may decide by hand.

use herald_tests::simulator::{CallbackSettings, NextRequests};
use herald_tests::{Outcome, Stack, stack};

/// Nothing is heard of a text but by asking.
pub(crate) async fn without_callbacks(stack: &Stack) -> Outcome<()> {
    let callbacks = CallbackSettings {
        callbacks: Some("none"),
        ..CallbackSettings::default()
    };
    stack.simulator.settings(&callbacks).await
}

pub(crate) async fn next(stack: &Stack, count: u32, fault: &'static str) -> Outcome<()> {
    let next = NextRequests {
        count,
        fault: Some(fault),
        ..NextRequests::default()
    };
    stack.simulator.next(&next).await
}

const IN_DOUBT: &str =
    "select count(*) > 0 and bool_and(status = 'unknown') from herald.sms_messages";

#[tokio::test]
async fn an_accepted_text_in_doubt_is_found_in_the_list_and_not_sent_again() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    without_callbacks(&stack).await?;
    next(&stack, 2, "error_after").await?;
    stack.emit(&user, "Water the plants").await?;
    stack.emit(&user, "Feed the cat").await?;
    stack
        .wait_for_sql("both are in doubt", &IN_DOUBT.replace("> 0", "= 2"))
        .await?;
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "both are adopted",
            "select bool_and(m.twilio_sid = a.sid and a.outcome = 'accepted' and a.resolved_by = 'list') \
             from herald.sms_messages m join herald.sms_send_attempts a on a.message_id = m.id",
        )
        .await?;
    // Their status is asked for: no callback tells it.
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "both are delivered",
            "select bool_and(status = 'delivered') from herald.sms_messages",
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_text_that_twilio_never_took_is_sent_again() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    next(&stack, 1, "error_before").await?;
    stack.emit(&user, "Water the plants").await?;
    stack.wait_for_sql("it is in doubt", IN_DOUBT).await?;
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "it is absent once",
            "select absent_at is not null and outcome = 'unknown' from herald.sms_send_attempts",
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, 1, "once is not enough");
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "it is delivered",
            "select status = 'delivered' from herald.sms_messages",
        )
        .await?;
    let ledger: String = stack
        .value("select string_agg(outcome || coalesce(' by ' || resolved_by, ''), ', ' order by attempt) from herald.sms_send_attempts")
        .await?;
    assert_eq!(ledger, "not_sent by list, accepted");
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn equal_texts_in_doubt_at_once_are_told_apart_by_counting() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    without_callbacks(&stack).await?;
    for fault in ["error_after", "error_before", "error_after"] {
        next(&stack, 1, fault).await?;
        stack.emit(&user, "Water the plants").await?;
        stack.wait_for_sql("it is in doubt", IN_DOUBT).await?;
    }
    stack.hasten_resolution().await?;
    let two = "select count(*) filter (where outcome = 'accepted') = 2 and count(distinct sid) = 2 \
               and count(*) filter (where absent_at is not null and outcome = 'unknown') = 1 from herald.sms_send_attempts";
    stack
        .wait_for_sql("two are found and one is not", two)
        .await?;
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "all three are with Twilio",
            "select count(*) = 3 and count(distinct twilio_sid) = 3 from herald.sms_messages where twilio_sid is not null",
        )
        .await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn while_the_list_cannot_be_read_a_text_stays_unknown() -> Outcome<()> {
    let mut stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    next(&stack, 1, "error_before").await?;
    stack.emit(&user, "Water the plants").await?;
    stack.wait_for_sql("it is in doubt", IN_DOUBT).await?;
    stack.daemon.kill();
    stack
        .daemon
        .set("TWILIO_AUTH_TOKEN", "00000000000000000000000000000000");
    stack.daemon.start().await?;
    stack.hasten_resolution().await?;
    stack
        .wait_for_sql(
            "it was looked for",
            "select resolve_claim is null and resolve_claimed_at is not null from herald.sms_send_attempts",
        )
        .await?;
    let state: bool = stack
        .value("select outcome = 'unknown' and absent_at is null and resolve_at > now() from herald.sms_send_attempts")
        .await?;
    assert!(state, "{}", stack.report().await);
    let (_, metrics) = stack.daemon.get("/metrics").await?;
    assert!(
        metrics
            .lines()
            .any(|line| line == "herald_attempts_unknown 1.0"),
        "{metrics}"
    );
    Ok(())
}

#[tokio::test]
async fn an_alarm_in_doubt_is_sent_again_at_once() -> Outcome<()> {
    let stack = Stack::start().await?;
    stack
        .client
        .batch_execute(
            "update herald.notification_event_types set unknown_policy = 'at_least_once'",
        )
        .await?;
    let user = stack.seed_user(1).await?;
    without_callbacks(&stack).await?;
    next(&stack, 1, "error_after").await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "the second attempt is accepted",
            "select status = 'sending' from herald.sms_messages",
        )
        .await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_operator_decides_by_hand() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    without_callbacks(&stack).await?;
    next(&stack, 1, "error_after").await?;
    stack.emit(&user, "Water the plants").await?;
    stack.wait_for_sql("it is in doubt", IN_DOUBT).await?;
    let message: uuid::Uuid = stack.value("select id from herald.sms_messages").await?;
    let sid = stack.simulator.accepted().await?[0].sid.clone();
    let resolve = |arguments: &[&str]| -> Outcome<std::process::Output> {
        let message = message.to_string();
        let all: Vec<&str> = ["resolve", &message]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        Ok(stack.daemon.command(&all)?.output()?)
    };
    assert!(!resolve(&["accepted"])?.status.success(), "no SID");
    let output = resolve(&["accepted", &sid])?;
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("sending"));
    let again = resolve(&["not-sent"])?;
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("is not in doubt"),
        "{again:?}"
    );

    next(&stack, 1, "error_before").await?;
    let later = stack.seed_user(2).await?;
    stack::emit(&stack.client, &later, "Feed the cat").await?;
    let unknown = "select count(*) = 1 from herald.unknown_messages";
    stack
        .wait_for_sql("the second is in doubt", unknown)
        .await?;
    let second: uuid::Uuid = stack
        .value("select message_id from herald.unknown_messages")
        .await?;
    let output = stack
        .daemon
        .command(&["resolve", &second.to_string(), "not-sent"])?
        .output()?;
    assert!(output.status.success(), "{output:?}");
    stack.wait_until_nothing_waits().await?;
    assert_eq!(stack.simulator.accepted().await?.len(), 2);
    Ok(())
}
