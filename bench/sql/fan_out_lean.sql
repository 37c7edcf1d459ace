-- The same into the four lean tables. $1 event type
with event as (
    insert into lean.events
    values (herald_uuid_v7(), $1::text, 'api_action', null, '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high', 'fanned_out', now())
    returning id
),
person as materialized (
    select s.user_id, p.phone_number, event.id as event_id, herald_uuid_v7() as delivery_id, herald_uuid_v7() as message_id
    from event
    cross join herald.notification_subscriptions s
    join herald.user_sms_preferences p on p.user_id = s.user_id
    where s.event_type = $1
),
delivery as (
    insert into lean.deliveries select delivery_id, event_id, user_id, 'sms', phone_number, 'pending', now() from person
),
message as (
    insert into lean.messages
    select message_id, delivery_id, user_id, phone_number, U&'\23F0 Water the plants is due 5 pm', 'pending', 'high', 1, 'UCS-2', now()
    from person
)
insert into lean.jobs select message_id, 'send_sms', 5, now() from person
