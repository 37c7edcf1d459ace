//! Texts for later: seconds ahead they go at their time, an hour ahead they wait.

use chrono::{DateTime, Utc};
use herald_tests::people::User;
use herald_tests::{Outcome, Stack};
use uuid::Uuid;

async fn emit_in(stack: &Stack, user: &User, task: &str, delay: &str) -> Outcome<Uuid> {
    let row = stack
        .client
        .query_one(
            "select emit_notification_event(event_type => 'task.due_soon', target_user_id => $1, \
                 payload => jsonb_build_object('task_name', $2::text, 'due_time', '5 pm'), \
                 scheduled_for => now() + ($3::text)::interval)",
            &[&user.id, &task, &delay],
        )
        .await?;
    Ok(row.get(0))
}

#[tokio::test]
async fn a_text_for_later_goes_at_its_time_and_not_before() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    emit_in(&stack, &user, "soon", "2 seconds").await?;
    emit_in(&stack, &user, "much later", "1 hour").await?;
    assert_eq!(
        stack
            .value::<i64>("select count(*) from herald.sms_messages where status = 'scheduled'")
            .await?,
        2
    );
    stack
        .wait_for_sql(
            "the first text",
            "select exists (select from herald.sms_messages where status = 'delivered')",
        )
        .await?;

    let accepted = stack.simulator.accepted().await?;
    assert_eq!(accepted.len(), 1);
    assert!(accepted[0].body.contains("soon"));
    let due: DateTime<Utc> = stack
        .value("select min(scheduled_for) from herald.sms_messages")
        .await?;
    assert!(
        accepted[0].received_at >= due,
        "sent at {} though due at {due}",
        accepted[0].received_at
    );
    assert_eq!(
        stack
            .value::<i64>("select count(*) from herald.sms_messages where status = 'scheduled'")
            .await?,
        1
    );
    assert!(
        stack
            .value::<bool>("select herald_next_due() = max(scheduled_for) from herald.sms_messages")
            .await?
    );
    Ok(())
}

#[tokio::test]
async fn what_still_waits_can_be_cancelled_and_what_is_gone_cannot() -> Outcome<()> {
    let stack = Stack::start().await?;
    let user = stack.seed_user(1).await?;
    let later = emit_in(&stack, &user, "never mind", "1 hour").await?;
    let gone = stack.emit(&user, "at once").await?;
    stack
        .wait_for_sql(
            "the second text",
            "select exists (select from herald.sms_messages where status = 'delivered')",
        )
        .await?;

    for (event, expected) in [(later, (1, 0)), (gone, (0, 1))] {
        let row = stack
            .client
            .query_one(
                "select cancelled, too_late from cancel_notification_event($1)",
                &[&event],
            )
            .await?;
        assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), expected);
    }
    let statuses: String = stack
        .value("select string_agg(status, ' ' order by status) from herald.notification_deliveries")
        .await?;
    assert_eq!(statuses, "cancelled delivered");
    assert_eq!(
        stack
            .value::<i64>("select count(*) from herald.queue_jobs")
            .await?,
        0
    );
    Ok(())
}
