//! From SELECT to a delivered text, and to the row that says why there is none.

use herald_tests::people::{self, phone_number};
use herald_tests::simulator::CallbackSettings;
use herald_tests::{Outcome, Stack};
use uuid::Uuid;

#[tokio::test]
async fn a_committed_event_becomes_one_delivered_text() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let event = stack.emit(&user, "Water the plants").await?;
    stack.wait_until_settled().await?;

    let accepted = stack.simulator.accepted().await?;
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].to, user.phone_number);
    assert!(
        accepted[0].body.contains("Water the plants") && accepted[0].body.contains("5 pm"),
        "{}",
        accepted[0].body
    );
    assert_eq!(accepted[0].status, "delivered");

    let delivery = stack
        .client
        .query_one(
            "select d.status, d.channel_identifier, d.external_id, d.sent_at is not null and d.delivered_at is not null \
             from herald.notification_deliveries d where d.event_id = $1",
            &[&event],
        )
        .await?;
    assert_eq!(delivery.get::<_, String>(0), "delivered");
    assert_eq!(delivery.get::<_, String>(1), user.phone_number);
    assert!(delivery.get::<_, bool>(3));

    let message = stack
        .client
        .query_one("select id, status, twilio_sid, sent_at <= delivered_at, batch_id is null, message_content from herald.sms_messages", &[])
        .await?;
    assert_eq!(
        delivery.get::<_, String>(2),
        message.get::<_, Uuid>(0).to_string()
    );
    assert_eq!(message.get::<_, String>(1), "delivered");
    assert_eq!(message.get::<_, String>(2), accepted[0].sid);
    assert!(message.get::<_, bool>(3) && message.get::<_, bool>(4));
    assert_eq!(message.get::<_, String>(5), accepted[0].body);

    let ledger = stack
        .client
        .query_one(
            "select attempt, outcome, sid from herald.sms_send_attempts",
            &[],
        )
        .await?;
    assert_eq!(
        (ledger.get::<_, i32>(0), ledger.get::<_, String>(1)),
        (1, "accepted".to_string())
    );
    assert_eq!(ledger.get::<_, String>(2), accepted[0].sid);
    for hot_table in ["queue_jobs", "dispatch_batches"] {
        assert_eq!(
            stack
                .value::<i64>(&format!("select count(*) from herald.{hot_table}"))
                .await?,
            0,
            "{hot_table}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn who_may_not_be_texted_gets_a_row_with_the_reason() -> Outcome<()> {
    let stack = Stack::start().await?;
    let unverified = people::add_unverified_user(&stack.client, &phone_number(1)).await?;
    let opted_out = stack.seed_user(2).await?;
    let unsubscribed = stack.seed_user(3).await?;
    let reachable = stack.seed_user(4).await?;
    stack
        .client
        .execute(
            "update herald.user_sms_preferences set opted_out = true where user_id = $1",
            &[&opted_out.id],
        )
        .await?;
    stack
        .client
        .execute(
            "delete from herald.notification_subscriptions where user_id = $1",
            &[&unsubscribed.id],
        )
        .await?;

    for user in [&unverified, &opted_out, &unsubscribed, &reachable] {
        stack.emit(user, "Water the plants").await?;
    }
    stack.wait_until_settled().await?;

    let reason = async |user: &people::User| -> Outcome<Vec<(String, Option<String>)>> {
        let query = "select status, suppress_reason from herald.notification_deliveries where recipient_user_id = $1";
        let rows = stack.client.query(query, &[&user.id]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };
    assert_eq!(
        reason(&unverified).await?,
        [("suppressed".to_string(), Some("unverified".to_string()))]
    );
    assert_eq!(
        reason(&opted_out).await?,
        [("suppressed".to_string(), Some("opted_out".to_string()))]
    );
    assert_eq!(
        reason(&unsubscribed).await?,
        [("suppressed".to_string(), Some("not_subscribed".to_string()))]
    );
    assert_eq!(reason(&reachable).await?, [("delivered".to_string(), None)]);
    let accepted = stack.simulator.accepted().await?;
    assert_eq!(
        accepted
            .iter()
            .map(|message| &message.to)
            .collect::<Vec<_>>(),
        [&reachable.phone_number]
    );
    Ok(())
}

#[tokio::test]
async fn an_event_without_a_target_reaches_every_subscriber_once() -> Outcome<()> {
    let stack = Stack::start().await?;
    for n in 0..20 {
        stack.seed_user(n).await?;
    }
    // Above the inline limit the daemon writes the deliveries, in chunks.
    stack
        .client
        .execute(
            "select herald_set_setting('inline_fan_out_limit', '7')",
            &[],
        )
        .await?;
    let emit = "select emit_notification_event(event_type => $1, payload => '{\"task_name\": \"All hands\", \"due_time\": \"5 pm\"}')";
    stack.client.execute(emit, &[&people::EVENT_TYPE]).await?;
    stack
        .wait_for_sql(
            "20 deliveries",
            "select count(*) = 20 from herald.notification_deliveries where status = 'delivered'",
        )
        .await?;
    let mut numbers: Vec<String> = stack
        .simulator
        .accepted()
        .await?
        .into_iter()
        .map(|message| message.to)
        .collect();
    numbers.sort();
    assert_eq!(numbers, (0..20).map(phone_number).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_text_of_ones_own_is_sent_with_every_priority() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    for priority in ["low", "normal", "high", "urgent"] {
        stack
            .client
            .execute(
                "select queue_sms_message($1, $2, $3, ($4::text)::sms_priority)",
                &[
                    &user.id,
                    &user.phone_number,
                    &format!("with priority {priority}"),
                    &priority,
                ],
            )
            .await?;
    }
    stack.wait_until_settled().await?;
    let bodies = stack.simulator.accepted_per_body().await?;
    for priority in ["low", "normal", "high", "urgent"] {
        assert_eq!(
            bodies.get(&format!("with priority {priority}")),
            Some(&1),
            "{priority}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_the_carrier_refuses_is_told_in_both_tables() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let ending = CallbackSettings {
        final_status: Some("undelivered"),
        error_code: Some(30005),
        ..CallbackSettings::default()
    };
    stack.simulator.settings(&ending).await?;
    stack.emit(&user, "Water the plants").await?;
    stack
        .wait_for_sql(
            "the carrier's refusal",
            "select status = 'undelivered' from herald.sms_messages",
        )
        .await?;
    let code: Option<i32> = stack
        .value("select twilio_error_code from herald.sms_messages")
        .await?;
    assert_eq!(code, Some(30005));
    assert_eq!(
        stack
            .value::<String>("select status from herald.notification_deliveries")
            .await?,
        "failed"
    );
    assert_eq!(stack.simulator.accepted().await?.len(), 1);
    Ok(())
}
