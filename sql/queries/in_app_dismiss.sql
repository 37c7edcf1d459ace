-- Puts a notification away. $1 user, $2 notification
with away as (
    update herald.user_notifications n
    set dismissed_at = now()
    where n.user_id = $1 and n.id = $2 and n.dismissed_at is null
    returning n.id
)
select count(*)::integer as changed,
       exists (select from herald.user_notifications n where n.user_id = $1 and n.id = $2) as is_theirs
from away
