-- May this broadcast be fanned out in the caller's transaction? Counts no further than the limit. $1 event type
select count(*) <= (select (value #>> '{}')::integer from herald.settings where name = 'inline_fan_out_limit')
from (select
      from herald.notification_subscriptions
      where event_type = $1 and is_active
      order by user_id -- the index's order: without it the planner may read the subscriptions of every type
      limit 1 + (select (value #>> '{}')::integer from herald.settings where name = 'inline_fan_out_limit')) as recipients
