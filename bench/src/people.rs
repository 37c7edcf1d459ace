//! Users in great number.

use crate::world::World;
use herald_tests::Outcome;
use herald_tests::people::EVENT_TYPE;
use tokio_postgres::Client;

/// The payload of every event here; the event type's text names both.
pub(crate) const PAYLOAD: &str = r#"{"task_name": "Water the plants", "due_time": "5 pm"}"#;

/// As SQL: the id of the n-th user.
const USER: &str = "('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid";

/// Adds users number 1 to `count`, each with a verified number and without quiet hours or a limit that matters, subscribed to
/// [`EVENT_TYPE`]. The triggers of these tables are left out: there is no opt-out that they could find.
pub(crate) async fn add(world: &World, count: usize) -> Outcome<()> {
    world
        .run(&format!(
            "begin; set local session_replication_role = replica; \
             insert into herald.user_notification_preferences (user_id, sms_enabled) \
                 select {USER}, true from generate_series(1, {count}) n; \
             insert into herald.user_sms_preferences \
                     (user_id, phone_number, phone_verified, phone_verified_at, quiet_hours_start, quiet_hours_end, daily_sms_limit) \
                 select {USER}, '+1201' || lpad(n::text, 7, '0'), true, now(), '00:00', '00:00', 1000000 \
                 from generate_series(1, {count}) n; \
             commit"
        ))
        .await?;
    subscribe(world, EVENT_TYPE, count).await?;
    world.run("vacuum analyze").await
}

/// Opts out users number `from` and above.
pub(crate) async fn opt_out(world: &World, from: usize) -> Outcome<()> {
    world
        .run(&format!(
            "begin; set local session_replication_role = replica; \
             update herald.user_sms_preferences set opted_out = true, opted_out_at = now(), opt_out_reason = 'keyword' \
                 where right(user_id::text, 12)::bigint >= {from}; \
             commit"
        ))
        .await?;
    world.vacuum(&["herald.user_sms_preferences"]).await
}

/// Subscribes users number 1 to `count` to an event type.
pub(crate) async fn subscribe(world: &World, event_type: &str, count: usize) -> Outcome<()> {
    world
        .run(&format!(
            "insert into herald.notification_subscriptions (user_id, event_type) \
                 select {USER}, '{event_type}' from generate_series(1, {count}) n; \
             analyze herald.notification_subscriptions"
        ))
        .await
}

/// Emits an event to each of users number 1 to `count`, in two transactions beside each other that wake nobody.
pub(crate) async fn emit_to_each(world: &World, count: usize) -> Outcome<()> {
    let second = world.connect().await?;
    let half = count / 2;
    tokio::try_join!(
        emit_to(&world.client, 1, half),
        emit_to(&second, half + 1, count)
    )?;
    Ok(())
}

async fn emit_to(client: &Client, first: usize, last: usize) -> Outcome<()> {
    client
        .batch_execute(&format!(
            "begin; set local pg_herald.notify = off; \
             select count(emit_notification_event(event_type => '{EVENT_TYPE}', target_user_id => {USER}, payload => '{PAYLOAD}')) \
                 from generate_series({first}, {last}) n; \
             commit"
        ))
        .await?;
    Ok(())
}
