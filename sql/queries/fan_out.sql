-- Writes deliveries, messages and queue rows for the recipients of one event.
-- Reads one row "source"; {recipients} narrows the subscriptions (one target, everybody, or one chunk).
-- How many recipients there are the planner cannot know. The forms below keep the cost theirs alone, index by index, however
-- large the tables are: a lateral limit 1, and an aggregate in place of exists, cannot become a scan of all people.
g as materialized (
    select source.*,
           s.user_id,
           s.id as subscription_id,
           target.channel,
           false as event_cancelled,
           true as subscribed,
           (not source.admin_only
            or coalesce((select bool_or(r.is_admin) from herald.recipients r where r.user_id = s.user_id), false)) as in_audience,
           coalesce(case target.channel
                        when 'sms' then coalesce(s.sms_enabled, n.sms_enabled)
                        when 'email' then coalesce(s.email_enabled, n.email_enabled)
                        when 'push' then coalesce(s.push_enabled, n.push_enabled)
                        else coalesce(s.in_app_enabled, n.in_app_enabled)
                    end, false) as channel_enabled,
           p.phone_number,
           coalesce(p.phone_verified, false) as phone_verified,
           p.phone_invalid_reason,
           coalesce(p.opted_out, false) as opted_out,
           {ext}.herald_uuid_v7() as delivery_id,
           {ext}.herald_uuid_v7() as message_id
    from source
    cross join lateral (
        select *
        from herald.notification_subscriptions s
        where s.event_type = source.event_type and s.is_active and source.payload @> s.filters
          and {recipients}
    ) s
    cross join unnest(source.channels) as target (channel)
    left join lateral (select * from herald.user_notification_preferences n where n.user_id = s.user_id limit 1) n on true
    left join lateral (select * from herald.user_sms_preferences p where p.user_id = s.user_id limit 1) p on true
),
decided as materialized (
    select g.*, {gate} as reason from g
),
delivery as (
    insert into herald.notification_deliveries
        (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier,
         status, suppress_reason, external_id, correlation_id)
    select delivery_id, event_id, subscription_id, user_id, channel,
           case channel when 'sms' then coalesce(phone_number, '') else '' end,
           case when reason is null then 'pending' else 'suppressed' end, reason,
           case when reason is null then message_id::text end, correlation_id
    from decided
),
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, scheduled_for, expires_at,
         max_attempts, segments, encoding, notification_delivery_id)
    select message_id, user_id, phone_number, body, template_id,
           case when due_at > now() then 'scheduled' else 'pending' end, priority, scheduled_for, expires_at,
           3, segments, encoding, delivery_id
    from decided
    where reason is null
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select message_id, 'send_sms', queue_rank, due_at,
           wakes and due_at <= now() and row_number() over () = 1
    from decided
    where reason is null
)
