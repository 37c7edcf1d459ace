-- May this person be texted? As for a text queued directly: no event type, no subscription. It reserves nothing.
-- $1 user, $2 when, NULL = now, $3 priority
with rules as materialized ({rules}),
cap as materialized (
    select c.prefix, c.max_per_day,
           case when c.day = (coalesce($2, now()) at time zone 'UTC')::date then c.used else 0 end as used
    from herald.sms_caps c
),
g as materialized (
    select 1 as place, $1 as user_id, false as by_admin, coalesce($2, now()) as at, coalesce($2, now()) as due_at, 'sms' as channel,
           rules.prefixes, rules.minimum, rules.spread,
           false as event_cancelled, null::text as event_type, null::integer as type_limit, 'defer' as over_limit,
           true as type_active, true as is_subscribed, true as is_subscription_active,
           true as is_filter_met, true as in_audience, true as channel_enabled,
           p.phone_number, coalesce(p.phone_verified, false) as phone_verified, coalesce(p.opted_out, false) as opted_out,
           p.phone_invalid_reason,
           null::timestamptz as expires_at,
           {open_at} as open_at,
           {person}
    from rules
    left join lateral (select * from herald.user_sms_preferences p where p.user_id = $1 limit 1) p on true
    left join lateral (select * from herald.user_notification_preferences n where n.user_id = $1 limit 1) n on true
),
wanted as (
    select g.*, {gate} as reason, null::timestamptz as paused_until from g
),
{limits}
select case when suppress_reason is not null then 'suppress' when defer_reason is not null then 'defer' else 'go' end as decision,
       coalesce(suppress_reason, defer_reason) as reason,
       case when suppress_reason is null and defer_reason is not null then until end as until
from verdict
