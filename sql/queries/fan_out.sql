-- Writes what was decided: a delivery each, message and queue row for the texts that may go; in_app.sql comes before it for
-- the notifications inside the application. Reads "source" and "decided".
{in_app}
delivery as (
    insert into herald.notification_deliveries
        (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier,
         status, suppress_reason, defer_reason, deferred_until, external_id, correlation_id, sent_at, delivered_at)
    select d.delivery_id, source.event_id, d.subscription_id, d.user_id, d.channel,
           case d.channel when 'sms' then coalesce(d.phone_number, '') else '' end,
           case when d.reason is not null then 'suppressed' when d.channel = 'in_app' then 'delivered'
                when d.open_at > source.due_at then 'deferred' else 'pending' end,
           d.reason,
           case when d.reason is null and d.open_at > source.due_at then 'quiet_hours' end,
           case when d.reason is null and d.open_at > source.due_at then d.open_at end,
           case when d.reason is null then d.message_id::text end, source.correlation_id,
           case when d.reason is null and d.channel = 'in_app' then source.due_at end,
           case when d.reason is null and d.channel = 'in_app' then source.due_at end
    from source cross join decided d
),
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, scheduled_for, expires_at,
         max_attempts, segments, encoding, notification_delivery_id, defer_reason, deferred_until)
    select d.message_id, d.user_id, d.phone_number, coalesce(source.bodies[d.variant], source.body),
           coalesce(source.template_ids[d.variant], source.template_id),
           case when d.open_at > now() then 'scheduled' else 'pending' end, source.priority, source.scheduled_for,
           source.expires_at, 3, coalesce(source.segment_counts[d.variant], source.segments),
           coalesce(source.encodings[d.variant], source.encoding), d.delivery_id,
           case when d.open_at > source.due_at then 'quiet_hours' end,
           case when d.open_at > source.due_at then d.open_at end
    from source cross join decided d
    where d.reason is null and d.channel = 'sms'
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select d.message_id, 'send_sms', source.queue_rank, d.open_at,
           source.wakes and d.open_at <= now() and {first}
    from source cross join decided d
    where d.reason is null and d.channel = 'sms'
)
