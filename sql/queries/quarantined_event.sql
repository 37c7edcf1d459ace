-- A quarantined event with what the registry says of its type now, locked. $1 event
select e.event_type, e.target_user_id, e.payload, e.metadata, e.priority
from herald.notification_events e
where e.id = $1 and e.status = 'quarantined'
for update
