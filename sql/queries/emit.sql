-- One event with everything that follows from it, in one statement. No row comes back when a concurrent transaction
-- has just used the same dedup key. A broadcast may leave its fan-out to the daemon.
with {source},
event as (
    insert into herald.notification_events
        (id, event_type, event_source, actor_user_id, target_user_id, payload, metadata, correlation_id, dedup_key,
         priority, scheduled_for, expires_at, template_id, status, problems)
    select event_id, event_type, event_source, actor_user_id, target_user_id, payload, metadata, correlation_id,
           dedup_key, priority, scheduled_for, expires_at, template_id, status, problems
    from source
    {on_conflict}
    returning id
),
{deferral}
{decide},
{fan_out}
select id from event
