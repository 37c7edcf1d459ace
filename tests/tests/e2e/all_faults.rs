//! Everything goes wrong now and then: every fault of the simulator at ten per cent. In the end the database says of each text
//! what Twilio says, nobody got it twice, and nothing waits.

use std::collections::HashMap;
use std::time::Duration;

use herald_tests::{Outcome, Stack};
use serde_json::json;

use crate::errors::hasten;

const TEXTS: u32 = 2000;
const USERS: u32 = 100;

/// Twilio is asked now about the acceptances of which nothing final was heard.
const ASK: &str = "update herald.sms_send_attempts a set poll_at = now() from herald.sms_messages m \
    where m.id = a.message_id and a.attempt = m.last_attempt and a.outcome = 'accepted' and m.status in ('sending', 'sent')";

/// What is in doubt is looked for at once, and a first absence lies long enough behind.
async fn hasten_lists(stack: &Stack) -> Outcome<()> {
    let query = "update herald.sms_send_attempts a \
                 set resolve_at = now(), absent_at = a.absent_at - interval '1 hour' \
                 from (select message_id, attempt from herald.sms_send_attempts \
                       where resolve_at is not null for update skip locked) free \
                 where a.message_id = free.message_id and a.attempt = free.attempt";
    stack.client.execute(query, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn with_every_fault_at_ten_per_cent_the_database_ends_with_the_truth() -> Outcome<()> {
    let mut stack = Stack::without_daemon().await?;
    // A stall costs the whole time-out: a short one, or the test would wait for hours.
    stack.daemon.set("HERALD_REQUEST_TIMEOUT_SECONDS", "2");
    stack.daemon.start().await?;
    let faults = json!({
        "seed": 20_261_125,
        "probabilities": { "all": 0.1 },
        "latency_ms": 200,
        "body_ms": 200,
    });
    stack.simulator.post("/_sim/faults", &faults).await?;
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(stack.seed_user(n).await?);
    }
    stack
        .client
        .batch_execute("update herald.user_sms_preferences set daily_sms_limit = 1000")
        .await?;
    for n in 0..TEXTS {
        let user = &users[(n % USERS) as usize];
        stack.emit(user, &format!("task {n:04}")).await?;
    }

    // What has to wait for minutes waits no longer than this. First everything is sent or given up.
    let limit = Duration::from_secs(240);
    let settled = "select not exists (select from herald.dispatch_batches) and not exists (select from herald.sms_messages \
                   where status in ('scheduled', 'pending', 'queued', 'unknown'))";
    stack
        .wait_until("nothing waits and nothing is in doubt", limit, async || {
            hasten(&stack).await?;
            hasten_lists(&stack).await?;
            tokio::time::sleep(Duration::from_millis(250)).await;
            stack.value::<bool>(settled).await
        })
        .await?;
    // Then Twilio is asked about those whose last callback was lost.
    let is_final = "select bool_and(status in ('delivered', 'undelivered', 'failed')) from herald.sms_messages";
    stack
        .wait_until("every text has come to its end", limit, async || {
            stack.client.execute(ASK, &[]).await?;
            tokio::time::sleep(Duration::from_secs(2)).await;
            stack.value::<bool>(is_final).await
        })
        .await?;

    let accepted = stack.simulator.accepted().await?;
    let mut per_text: HashMap<&str, usize> = HashMap::new();
    for message in &accepted {
        *per_text.entry(&message.body).or_default() += 1;
    }
    let twice: Vec<_> = per_text.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "sent more than once: {twice:?}");

    let rows = stack
        .client
        .query(
            "select m.message_content, m.status, m.twilio_sid, d.status, \
                (select count(*) from herald.sms_send_attempts a where a.message_id = m.id and a.outcome = 'unknown') \
             from herald.sms_messages m join herald.notification_deliveries d on d.id = m.notification_delivery_id",
            &[],
        )
        .await?;
    assert_eq!(rows.len(), TEXTS as usize);
    let truth: HashMap<&str, &str> = accepted
        .iter()
        .map(|message| (message.sid.as_str(), message.status.as_str()))
        .collect();
    let mut delivered = 0;
    for row in &rows {
        let (body, status, sid): (&str, &str, Option<&str>) = (row.get(0), row.get(1), row.get(2));
        match sid {
            Some(sid) => {
                assert_eq!(Some(&status), truth.get(sid), "{body} {sid}");
                assert_eq!(row.get::<_, &str>(3), status, "the delivery of {body}");
                delivered += usize::from(status == "delivered");
            }
            // All its attempts were refused or lost before Twilio took them.
            None => {
                assert_eq!(per_text.get(body), None, "{body} was taken");
                assert_eq!(
                    (status, row.get::<_, &str>(3)),
                    ("failed", "failed"),
                    "{body}"
                );
            }
        }
        assert_eq!(row.get::<_, i64>(4), 0, "{body} is in doubt");
    }
    assert_eq!(delivered, accepted.len());
    assert!(
        delivered > TEXTS as usize * 8 / 10,
        "only {delivered} arrived"
    );
    Ok(())
}
