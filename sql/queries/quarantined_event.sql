-- A quarantined event with what the registry says of its type now, locked. $1 event
select e.event_type, e.payload::text, e.metadata::text, e.priority,
       array(select problem from unnest(e.problems) as problem where starts_with(problem, 'trigger_fault')) as lasting
from herald.notification_events e
where e.id = $1 and e.status = 'quarantined'
for update
