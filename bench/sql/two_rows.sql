\set n random(1, :people)
with person as (
    select ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid as user_id, '+1201' || lpad(:n::text, 7, '0') as number,
           herald_uuid_v7() as event_id
    offset 0
),
event as (
    insert into herald.notification_events (id, event_type, event_source, target_user_id, payload, priority, template_id, status)
    select event_id, 'task.due_soon', 'api_action', user_id, '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high',
           :template::uuid, 'fanned_out'
    from person
)
insert into herald.notification_deliveries
    (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier, status, suppress_reason)
select herald_uuid_v7(), event_id, user_id, user_id, 'sms', number, 'suppressed', 'opted_out'
from person;
