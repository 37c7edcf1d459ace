\set n random(1, :people)
select emit_notification_event(
    event_type => 'task.due_soon',
    target_user_id => ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid,
    payload => '{"task_name": "Water the plants", "due_time": "5 pm"}');
