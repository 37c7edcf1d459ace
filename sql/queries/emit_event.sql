-- The event's own row. Reads "source".
event as (
    insert into herald.notification_events
        (id, event_type, event_source, actor_user_id, target_user_id, payload, metadata, correlation_id, dedup_key,
         priority, scheduled_for, expires_at, template_id, status, problems)
    select event_id, event_type, event_source, actor_user_id, target_user_id, coalesce(payload, '{}'),
           coalesce(metadata, '{}'), correlation_id, dedup_key, priority, scheduled_for, expires_at, template_id, status, problems
    from source
    {on_conflict}
    {returning}
)
