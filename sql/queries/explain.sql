-- What emit would decide, and what a claim at that time would add to it: the same statement without its inserts.
-- $35 the time that counts as now.
with {source},
{decide},
cap as materialized (
    select c.prefix, c.max_per_day, case when c.day = (source.due_at at time zone 'UTC')::date then c.used else 0 end as used
    from source cross join herald.sms_caps c
),
wanted as (
    select d.user_id, d.channel, d.phone_number, d.open_at, d.reason, d.variant, row_number() over (order by d.user_id, d.channel) as place,
           false as by_admin, null::timestamptz as paused_until, source.due_at as at, source.expires_at, source.minimum, source.spread, source.event_type,
           et.max_per_user_per_day as type_limit, coalesce(et.over_limit, 'defer') as over_limit,
           {person}
    from source
    cross join decided d
    left join herald.notification_event_types et on et.event_type = source.event_type
    left join lateral (select * from herald.user_sms_preferences p where p.user_id = d.user_id limit 1) p on true
    left join lateral (select * from herald.user_notification_preferences n where n.user_id = d.user_id limit 1) n on true
),
{limits}
select user_id, channel,
       case when suppress_reason is not null then 'suppress' when defer_reason is not null then 'defer' else 'go' end as decision,
       coalesce(suppress_reason, defer_reason) as reason,
       case when suppress_reason is not null then null when defer_reason is not null then until else at end as send_at,
       variant
from verdict
order by place
