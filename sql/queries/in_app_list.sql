-- A user's notifications inside the application, newest first. $1 user, $2 most, $3 only older than this one or NULL,
-- $4 only unread ones
select n.id, n.event_id, n.event_type, n.title, n.body, n.action_url, n.priority, n.visible_from, n.expires_at, n.read_at
from herald.user_notifications n
where n.user_id = $1 and n.dismissed_at is null and n.visible_from <= now() and coalesce(n.expires_at > now(), true)
  and ($3 is null or n.id < $3)
  and (not $4 or n.read_at is null)
order by n.id desc
limit $2
