-- What an event that was emitted again came to. $1 event
select (select d.id from herald.notification_deliveries d where d.event_id = e.id limit 1) as delivery_id, e.problems
from herald.notification_events e
where e.id = $1
