//! Worlds in the database: written down, and what became of their deliveries.

use std::collections::HashMap;

use chrono::TimeDelta;
use herald_tests::Outcome;
use serde_json::{Value, json};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::Key;
use super::model::{Counts, Instant, Rules};
use super::world::{Person, World};

/// What the database says of a delivery.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) until: Option<Instant>,
    pub(crate) message: Option<Uuid>,
    pub(crate) body: Option<String>,
}

/// Writes the worlds down.
pub(crate) async fn store(client: &mut Client, worlds: &[World], rules: &Rules) -> Outcome<Counts> {
    let tx = client.transaction().await?;
    let people: Vec<&Person> = worlds.iter().flat_map(|world| &world.people).collect();
    let kinds: Vec<_> = worlds.iter().map(|world| &world.kind).collect();
    let subscriptions: Vec<_> = worlds
        .iter()
        .flat_map(|world| &world.subscriptions)
        .collect();
    let caps: Vec<Value> = rules
        .caps
        .iter()
        .map(|(prefix, max)| json!({"prefix": prefix, "max": max}))
        .collect();
    tx.batch_execute("delete from herald.sms_caps; delete from herald.queue_jobs")
        .await?;
    for (name, value) in [
        ("allowed_country_prefixes", json!(rules.prefixes)),
        ("minimum_validity_seconds", json!(rules.minimum)),
        ("quiet_hours_spread_seconds", json!(rules.spread)),
    ] {
        tx.execute("select herald_set_setting($1, $2)", &[&name, &value])
            .await?;
    }
    tx.execute("insert into herald.sms_caps (prefix, max_per_day) select * from jsonb_to_recordset($1) as c (prefix text, max integer)",
        &[&json!(caps)]).await?;
    let fields = "jsonb_to_recordset($1) as p (user_id uuid, is_admin boolean, app_zone text, sms_enabled boolean, max_per_day integer, \
         max_per_hour integer, has_texts boolean, phone_number text, phone_verified boolean, phone_invalid_reason text, opted_out boolean, \
         timezone text, quiet_start integer, quiet_end integer, urgent_alerts boolean, urgent_bypass boolean, daily_limit integer, \
         day_count integer, hour_count integer, count_age integer)";
    for insert in [
        "insert into person select user_id, is_admin, app_zone from",
        "insert into herald.user_notification_preferences (user_id, sms_enabled, max_per_day, max_per_hour) \
         select user_id, coalesce(sms_enabled, false), max_per_day, max_per_hour from",
        "insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, phone_verified_at, phone_invalid_reason, \
             phone_invalid_at, opted_out, timezone, quiet_hours_start, quiet_hours_end, urgent_alerts, urgent_bypass_quiet_hours, \
             daily_sms_limit, daily_sms_count, daily_count_reset_at, hourly_sms_count, hourly_count_reset_at) \
         select user_id, phone_number, phone_verified, case when phone_verified then now() end, phone_invalid_reason, \
                case when phone_invalid_reason is not null then now() end, opted_out, timezone, time '00:00' + quiet_start * interval '15 minutes', \
                time '00:00' + quiet_end * interval '15 minutes', urgent_alerts, urgent_bypass, daily_limit, \
                day_count, now() - make_interval(mins => count_age), hour_count, now() - make_interval(mins => count_age) from",
    ] {
        let only = match insert {
            text if text.contains("user_notification_preferences") => {
                "where sms_enabled is not null"
            }
            text if text.contains("user_sms_preferences") => "where has_texts",
            _ => "",
        };
        tx.execute(&format!("{insert} {fields} {only}"), &[&json!(people)])
            .await?;
    }
    tx.execute(
        "insert into herald.notification_event_types (event_type, is_active, admin_only, default_channels, default_priority, expires_after, \
             max_per_user_per_day, over_limit) \
         select event_type, is_active, admin_only, channels, default_priority, make_interval(mins => expires_after), max_per_user, over_limit \
         from jsonb_to_recordset($1) as t (event_type text, is_active boolean, admin_only boolean, channels text[], default_priority text, \
             expires_after integer, max_per_user integer, over_limit text)",
        &[&json!(kinds)],
    )
    .await?;
    tx.execute(
        "insert into herald.notification_subscriptions (user_id, event_type, is_active, sms_enabled, filters) \
         select user_id, event_type, is_active, sms_enabled, jsonb_strip_nulls(jsonb_build_object('city', city)) \
         from jsonb_to_recordset($1) as s (user_id uuid, event_type text, is_active boolean, sms_enabled boolean, city text)",
        &[&json!(subscriptions)],
    )
    .await?;
    let now = now(&tx).await?;
    let mut counts = Counts::default();
    for person in people.into_iter().filter(|person| person.has_texts) {
        counts.add(person, now - TimeDelta::minutes(person.count_age.into()));
    }
    tx.commit().await?;
    Ok(counts)
}

/// The time that counts as now in a transaction.
pub(crate) async fn now(tx: &Transaction<'_>) -> Outcome<Instant> {
    Ok(tx.query_one("select now()", &[]).await?.get(0))
}

/// The deliveries of events.
pub(crate) async fn deliveries(client: &Client, events: Vec<Uuid>) -> Outcome<HashMap<Key, Row>> {
    let rows = client
        .query(
            "select d.event_id, d.recipient_user_id, d.channel, d.status, \
                    case d.status when 'suppressed' then d.suppress_reason when 'deferred' then d.defer_reason end, \
                    case d.status when 'deferred' then d.deferred_until end, m.id, m.message_content \
             from herald.notification_deliveries d \
             left join herald.sms_messages m on m.notification_delivery_id = d.id \
             where d.event_id = any ($1)",
            &[&events],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let key = (row.get(0), row.get(1), row.get(2));
            let row = Row {
                status: row.get(3),
                reason: row.get(4),
                until: row.get(5),
                message: row.get(6),
                body: row.get(7),
            };
            (key, row)
        })
        .collect())
}
