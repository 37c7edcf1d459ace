-- Message and queue row for the texts that may go. Reads "source" and "decided".
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, scheduled_for, expires_at,
         max_attempts, segments, encoding, notification_delivery_id, defer_reason, deferred_until)
    select d.message_id, d.user_id, d.phone_number, coalesce(source.bodies[d.variant], source.body),
           {text_template},
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
