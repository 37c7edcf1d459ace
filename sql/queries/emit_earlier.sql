-- The event that has a dedup key, and whether it was the same. $1 event type, $2 target user or NULL, $3 key, $4 payload
select e.id, coalesce(e.erased_at is not null or e.payload = coalesce($4, '{}'), false) as is_repeat
from herald.notification_events e
where e.dedup_key = $3 and e.event_type = $1 and e.target_user_id is not distinct from $2
