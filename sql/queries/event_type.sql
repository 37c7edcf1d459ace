-- May this user hear of this event type? $1 event type, $2 user
select et.event_type is not null as is_known,
       not coalesce(et.admin_only, false)
           or coalesce((select bool_or(r.is_admin) from herald.recipients r where r.user_id = $2), false) as in_audience,
       exists (select from herald.notification_subscriptions s where s.event_type = $1 and s.user_id = $2) as is_subscribed
from (values (1)) as always (one)
left join herald.notification_event_types et on et.event_type = $1
