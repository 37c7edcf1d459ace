//! Limits hold however many claim at once.

use std::collections::HashMap;
use std::time::Duration;

use herald_tests::cluster::{Cluster, ClusterOptions};
use herald_tests::{Failure, Outcome, stack};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

const CLAIMERS: u32 = 20;
const PEOPLE: i32 = 12;
const TEXTS: i32 = 60;
const DAILY: i64 = 20;
const OF_TYPE: i64 = 9;
const CAP: i64 = 150;
const CAP_OF_COUNTRY: i64 = 60;

/// Claims and completes until nothing is due any more; a part is refused by Twilio, and so given back.
async fn work(client: Client, number: u32) -> Outcome<()> {
    let worker = Uuid::from_u128(u128::from(number) + 1);
    // What somebody else holds is put off for a moment; what waits for tomorrow is not waited for.
    let soon =
        "select count(*) from herald.queue_jobs where run_at < now() + interval '10 seconds'";
    while client.query_one(soon, &[]).await?.get::<_, i64>(0) > 0 {
        let claim = "select batch_id, message_id, attempt from claim_sms_messages($1, $2)";
        let limit = i32::try_from(number % 7 + 1)?;
        let claimed = client.query(claim, &[&worker, &limit]).await?;
        if claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let results: Vec<Value> = claimed
            .iter()
            .map(|row| {
                let (batch, message, attempt): (Uuid, Uuid, i32) =
                    (row.get(0), row.get(1), row.get(2));
                let is_refused = message.as_bytes()[15].is_multiple_of(4);
                json!({"batch_id": batch, "message_id": message, "attempt": attempt,
                       "outcome": if is_refused { "rejected" } else { "accepted" },
                       "error_code": is_refused.then_some(21_602), "sid": format!("SM{}", message.simple())})
            })
            .collect();
        let complete = "select complete_sms_messages($1, $2)";
        client
            .execute(complete, &[&worker, &json!(results)])
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn twenty_claimers_never_exceed_a_limit() -> Outcome<()> {
    let cluster = Cluster::start(&ClusterOptions::for_tests()?)?;
    cluster.create_database("limits").await?;
    let client = cluster.connect("limits").await?;
    stack::install(&client).await?;
    client
        .batch_execute(&format!(
            "select herald_set_setting('allowed_country_prefixes', '[\"+1\", \"+44\"]');
             insert into herald.sms_caps (prefix, max_per_day) values ('+', {CAP}), ('+44', {CAP_OF_COUNTRY});
             insert into herald.notification_event_types (event_type, max_per_user_per_day)
             values ('test.many', null), ('test.rare', {OF_TYPE});
             insert into herald.user_notification_preferences (user_id, sms_enabled)
             select md5(n::text)::uuid, true from generate_series(1, {PEOPLE}) n;
             insert into herald.user_sms_preferences
                 (user_id, phone_number, phone_verified, quiet_hours_start, quiet_hours_end, daily_sms_limit)
             select md5(n::text)::uuid, case when n % 2 = 0 then '+4477009000' else '+1415555010' end || lpad(n::text, 2, '0'), true,
                    '00:00', '00:00', {DAILY}
             from generate_series(1, {PEOPLE}) n;
             insert into herald.notification_subscriptions (user_id, event_type)
             select md5(n::text)::uuid, t from generate_series(1, {PEOPLE}) n, unnest('{{test.many,test.rare}}'::text[]) t;
             select count(emit_notification_event(case when i % 2 = 0 then 'test.many' else 'test.rare' end,
                                                  jsonb_build_object('message', n || ' ' || i), md5(n::text)::uuid))
             from generate_series(1, {TEXTS}) i, generate_series(1, {PEOPLE}) n;"
        ))
        .await?;
    let mut claimers = JoinSet::new();
    for number in 0..CLAIMERS {
        let client = cluster.connect("limits").await?;
        claimers.spawn(work(client, number));
    }
    while let Some(ended) = claimers.join_next().await {
        // A deadlock would be an error here.
        ended.map_err(|error| Failure::new(error.to_string()))??;
    }

    let sent = client
        .query(
            "select m.user_id, e.event_type, count(*), m.phone_number
             from herald.sms_messages m
             join herald.notification_deliveries d on d.id = m.notification_delivery_id
             join herald.notification_events e on e.id = d.event_id
             where m.status = 'sending' group by 1, 2, 4",
            &[],
        )
        .await?;
    let mut of_person: HashMap<Uuid, i64> = HashMap::new();
    let (mut all, mut of_country) = (0_i64, 0_i64);
    for row in &sent {
        let (user, event_type, texts, number): (Uuid, String, i64, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        *of_person.entry(user).or_default() += texts;
        all += texts;
        of_country += if number.starts_with("+44") { texts } else { 0 };
        assert!(
            event_type != "test.rare" || texts <= OF_TYPE,
            "{texts} of a rare type for {user}"
        );
    }
    assert!(
        of_person.values().all(|texts| *texts <= DAILY),
        "{of_person:?}"
    );
    assert!(
        all <= CAP && of_country <= CAP_OF_COUNTRY,
        "{all} in all, {of_country} to +44"
    );
    assert!(all > CAP / 2, "the limits let {all} through");
    // What is counted is what was sent: all refusals were given back.
    for row in client
        .query(
            "select user_id, daily_sms_count, hourly_sms_count from herald.user_sms_preferences",
            &[],
        )
        .await?
    {
        let (user, day, hour): (Uuid, i32, i32) = (row.get(0), row.get(1), row.get(2));
        let texts = of_person.get(&user).copied().unwrap_or(0);
        assert_eq!(i64::from(day), texts, "{user}");
        assert!(i64::from(hour) <= texts, "{user}");
    }
    let used = "select sum(used) filter (where prefix = '+'), sum(used) filter (where prefix = '+44') from herald.sms_caps";
    let used = client.query_one(used, &[]).await?;
    assert_eq!(
        (used.get(0), used.get(1)),
        (Some(all), Some(of_country)),
        "the caps' counts"
    );
    // Nothing is left behind: each text is over or waits, with its reason.
    let open =
        "select count(*) from herald.notification_deliveries where status in ('pending', 'queued')";
    assert_eq!(client.query_one(open, &[]).await?.get::<_, i64>(0), 0);
    Ok(())
}
