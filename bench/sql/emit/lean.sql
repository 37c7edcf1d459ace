\set n random(1, :people)
with person as (
    select ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid as user_id, '+1201' || lpad(:n::text, 7, '0') as number,
           herald_uuid_v7() as event_id, herald_uuid_v7() as delivery_id, herald_uuid_v7() as message_id
    offset 0
),
event as (
    insert into lean.events
    select event_id, 'task.due_soon', 'api_action', user_id, '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high',
           'fanned_out', now()
    from person
),
delivery as (
    insert into lean.deliveries select delivery_id, event_id, user_id, 'sms', number, 'pending', now() from person
),
message as (
    insert into lean.messages
    select message_id, delivery_id, user_id, number, U&'\23F0 Water the plants is due 5 pm', 'pending', 'high', 1, 'UCS-2', now()
    from person
)
insert into lean.jobs select message_id, 'send_sms', 5, now() from person;
