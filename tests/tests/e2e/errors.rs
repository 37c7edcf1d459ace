//! What goes wrong at Twilio: a breaker pauses and mends itself or is ended by hand, a failure told later is tried again.

use std::time::Duration;

use herald_tests::simulator::{CallbackSettings, NextRequests};
use herald_tests::{Outcome, Stack};

/// Everything that waits for a time is due now, and every pause is over.
pub(crate) async fn hasten(stack: &Stack) -> Outcome<()> {
    stack
        .client
        .batch_execute(
            "update herald.breakers set resume_at = now() where closed_at is null and resume_at > now(); \
             update herald.queue_jobs q set run_at = now() \
                 from (select subject_id from herald.queue_jobs where run_at > now() for update skip locked) free \
                 where q.subject_id = free.subject_id",
        )
        .await?;
    Ok(())
}

async fn refuse(stack: &Stack, count: u32, http_status: u16, code: i32) -> Outcome<()> {
    let next = NextRequests {
        count,
        http_status: Some(http_status),
        code: Some(code),
        ..NextRequests::default()
    };
    stack.simulator.next(&next).await
}

async fn shows(stack: &Stack, line: &str) -> Outcome<bool> {
    let (_status, text) = stack.daemon.get("/metrics").await?;
    Ok(text.lines().any(|found| found == line))
}

#[tokio::test]
async fn credentials_that_are_refused_pause_everything_once_and_cost_no_attempt() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    refuse(&stack, 3, 401, 20003).await?;
    for task in ["one", "two", "three"] {
        stack.emit(&user, task).await?;
    }
    stack
        .wait_for_sql(
            "all three are back in line",
            "select count(*) = 3 and bool_and(status = 'pending' and attempt_count = 0 and last_attempt = 1) from herald.sms_messages",
        )
        .await?;
    let open: String = stack
        .value("select string_agg(concat_ws(' ', scope, error_code, severity, failures), ', ') from herald_breakers()")
        .await?;
    assert_eq!(open, "account 20003 critical 1");
    stack
        .wait_until("the daemon says so", Duration::from_secs(10), async || {
            shows(&stack, r#"herald_breakers_open{scope="account"} 1"#).await
        })
        .await?;

    // Due, and yet nothing is asked of Twilio.
    stack.emit(&user, "four").await?;
    stack
        .client
        .execute("update herald.queue_jobs set run_at = now()", &[])
        .await?;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(stack.simulator.requests().await?, 3);

    // One is tried, and everything flows.
    hasten(&stack).await?;
    stack
        .wait_for_sql(
            "all are delivered",
            "select count(*) = 4 and bool_and(status = 'delivered' and attempt_count = 1) from herald.sms_messages",
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, 7);
    let closed: String = stack
        .value("select string_agg(closed_by, ', ') from herald.breakers")
        .await?;
    assert_eq!(closed, "probe");
    stack
        .wait_until(
            "the daemon says that it is over",
            Duration::from_secs(10),
            async || Ok(!shows(&stack, r#"herald_breakers_open{scope="account"} 1"#).await?),
        )
        .await?;
    assert!(shows(&stack, r#"herald_breakers_opened_total{scope="account"} 1"#).await?);
    let log = stack.daemon.log_text()?;
    assert_eq!(log.matches("out of order").count(), 1, "{log}");
    assert_eq!(log.matches("in order again").count(), 1, "{log}");
    Ok(())
}

#[tokio::test]
async fn a_country_that_is_refused_does_not_stop_the_others_and_can_be_resumed_by_hand()
-> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let abroad = herald_tests::people::add_user(&stack.client, "+447700900123").await?;
    stack
        .client
        .batch_execute("select herald_set_setting('allowed_country_prefixes', '[\"+1\", \"+44\"]')")
        .await?;
    refuse(&stack, 1, 400, 21408).await?;
    stack.emit(&abroad, "first").await?;
    stack
        .wait_for_sql(
            "the country is paused",
            "select exists (select from herald.breakers where scope = 'country' and key = '+44')",
        )
        .await?;
    stack.emit(&abroad, "second").await?;
    stack.emit(&user, "at home").await?;
    stack
        .wait_for_sql(
            "the one at home is delivered, the other waits for the end of the pause",
            "select (select status = 'delivered' from herald.sms_messages where message_content like '%at home%') \
                and (select q.run_at = b.resume_at from herald.queue_jobs q \
                     join herald.sms_messages m on m.id = q.subject_id and m.message_content like '%second%' \
                     cross join herald.breakers b)",
        )
        .await?;
    let resumed: i32 = stack
        .value("select resume_sending('country', '+44')")
        .await?;
    assert_eq!(resumed, 1);
    stack
        .wait_for_sql(
            "all are delivered",
            "select bool_and(status = 'delivered') from herald.sms_messages",
        )
        .await?;
    assert_eq!(stack.simulator.requests().await?, 4);
    Ok(())
}

#[tokio::test]
async fn a_text_that_did_not_arrive_is_tried_again_as_its_code_asks() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let ending = |final_status, error_code| CallbackSettings {
        final_status: Some(final_status),
        error_code,
        ..CallbackSettings::default()
    };
    stack
        .simulator
        .settings(&ending("undelivered", Some(30003)))
        .await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "it waits a quarter of an hour",
            "select coalesce(bool_and(m.status = 'pending' and d.status = 'pending' and m.next_retry_at > now() + interval '14 minutes'), false) \
             from herald.sms_messages m join herald.notification_deliveries d on d.id = m.notification_delivery_id",
        )
        .await?;
    stack.simulator.settings(&ending("delivered", None)).await?;
    hasten(&stack).await?;
    stack
        .wait_for_sql(
            "the second attempt arrives",
            "select bool_and(m.status = 'delivered' and d.status = 'delivered' and m.attempt_count = 2) \
             from herald.sms_messages m join herald.notification_deliveries d on d.id = m.notification_delivery_id",
        )
        .await?;
    let ledger: String = stack
        .value("select string_agg(concat_ws(' ', outcome, error_code), ', ' order by attempt) from herald.sms_send_attempts")
        .await?;
    assert_eq!(ledger, "accepted 30003, accepted");

    // A number that is none: given up, and nobody texts it again.
    stack
        .simulator
        .settings(&ending("undelivered", Some(30005)))
        .await?;
    stack.emit(&user, "Feed the cat").await?;
    stack
        .wait_for_sql(
            "the number is marked",
            "select phone_invalid_reason = 'twilio_30005' and not phone_verified from herald.user_sms_preferences",
        )
        .await?;
    stack.emit(&user, "Walk the dog").await?;
    let suppressed: String = stack
        .value("select suppress_reason from herald.notification_deliveries where status = 'suppressed'")
        .await?;
    assert_eq!(suppressed, "invalid_number");
    assert_eq!(stack.simulator.accepted().await?.len(), 3);
    Ok(())
}
