-- How many notifications a user has not read. $1 user
select count(*)
from herald.user_notifications n
where n.user_id = $1 and n.read_at is null and n.dismissed_at is null and n.visible_from <= now()
  and coalesce(n.expires_at > now(), true)
