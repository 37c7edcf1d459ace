-- Marks a user's notifications as read, and their deliveries as opened. $1 user, $2 one of them, NULL = all
with wanted as materialized (
    select n.id
    from herald.user_notifications n
    where n.user_id = $1 and ($2 is null or n.id = $2) and n.read_at is null and n.dismissed_at is null
      and n.visible_from <= now()
    order by n.id
    for no key update
),
seen as (
    update herald.user_notifications n
    set read_at = now()
    from wanted
    where n.id = wanted.id
    returning n.delivery_id
),
delivery as (
    update herald.notification_deliveries d
    set status = 'opened', opened_at = now(), updated_at = now()
    from seen
    where d.id = seen.delivery_id and d.status = 'delivered'
)
select count(*)::integer as changed,
       exists (select from herald.user_notifications n where n.user_id = $1 and n.id = $2) as is_theirs
from seen
