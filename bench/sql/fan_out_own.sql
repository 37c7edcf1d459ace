-- The rows of a fan-out by one INSERT … SELECT into the product's own tables. $1 event type, $2 template
with event as (
    insert into herald.notification_events (id, event_type, event_source, payload, priority, template_id, status)
    values (herald_uuid_v7(), $1::text, 'api_action', '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high', $2::text::uuid, 'fanned_out')
    returning id
),
person as materialized (
    select s.id as subscription_id, s.user_id, p.phone_number, event.id as event_id,
           herald_uuid_v7() as delivery_id, herald_uuid_v7() as message_id
    from event
    cross join herald.notification_subscriptions s
    join herald.user_sms_preferences p on p.user_id = s.user_id
    where s.event_type = $1
),
delivery as (
    insert into herald.notification_deliveries
        (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier, status, external_id)
    select delivery_id, event_id, subscription_id, user_id, 'sms', phone_number, 'pending', message_id::text
    from person
),
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, segments, encoding, notification_delivery_id)
    select message_id, user_id, phone_number, U&'\23F0 Water the plants is due 5 pm', $2::text::uuid, 'pending', 'high', 1, 'UCS-2',
           delivery_id
    from person
)
insert into herald.queue_jobs (subject_id, job_type, priority, run_at)
select message_id, 'send_sms', 5, now() from person
