\set n random(1, :people)
with person as (
    select ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid as user_id, '+1201' || lpad(:n::text, 7, '0') as number,
           herald_uuid_v7() as event_id, herald_uuid_v7() as delivery_id, herald_uuid_v7() as message_id
    offset 0
),
event as (
    insert into herald.notification_events (id, event_type, event_source, target_user_id, payload, priority, template_id, status)
    select event_id, 'task.due_soon', 'api_action', user_id, '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high',
           :template::uuid, 'fanned_out'
    from person
),
delivery as (
    insert into herald.notification_deliveries
        (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier, status, external_id)
    select delivery_id, event_id, user_id, user_id, 'sms', number, 'pending', message_id::text
    from person
),
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, segments, encoding, notification_delivery_id)
    select message_id, user_id, number, U&'\23F0 Water the plants is due 5 pm', :template::uuid, 'pending', 'high', 1, 'UCS-2',
           delivery_id
    from person
)
insert into herald.queue_jobs (subject_id, job_type, priority, run_at)
select message_id, 'send_sms', 5, now() from person;
