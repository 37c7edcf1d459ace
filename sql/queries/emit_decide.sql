-- What the gate says of an event for its one user on one channel. One row, whoever the user is.
-- $1 user, $2 event type, $3 payload, $4 channel, $5 its texts may go out, $6 for administrators alone, $7 scheduled for,
-- $8 expires at, $9 or after so long, $10 prefixes, $11 spread, $12 minimum, $13 priority, $14 languages
select g.subscription_id, g.phone_number, g.variant, case g.channel when 'sms' then g.open_at else g.due_at end as open_at,
       {gate} as reason, g.due_at
from (
    select {considered}
    from (select $1::uuid as target_user_id, $2::text as event_type, coalesce($3::jsonb, '{}') as payload,
                 $5::boolean as type_active, $6::boolean as admin_only, greatest(now(), $7::timestamptz) as due_at,
                 coalesce($8::timestamptz, greatest(now(), $7::timestamptz) + $9::interval) as expires_at,
                 $10::text[] as prefixes, $11::integer as spread, $12::integer as minimum, $13::text as priority,
                 $14::text[] as locales) source
    cross join (select $4::text as channel) target
    {recipients}
    left join herald.user_notification_preferences n on n.user_id = source.target_user_id
    left join herald.user_sms_preferences p on p.user_id = source.target_user_id
    offset 0 -- each value is worked out once
) g
