-- What the gate says of an event for its one user on one channel, where that takes a statement: channels other than texts, types
-- for administrators, other languages, a time zone that the application knows. One row, whoever the user is; looks by keys alone.
-- $1 user, $2 event type, $3 payload, $4 channel, $5 its texts may go out, $6 for administrators alone, $7 due at,
-- $8 expires at, $9 prefixes, $10 spread, $11 minimum, $12 priority, $13 languages
select g.subscription_id, g.phone_number, g.variant, case g.channel when 'sms' then g.open_at else g.due_at end as open_at,
       {gate} as reason
from (
    select {considered}
    from (select $1::uuid as target_user_id, $2::text as event_type, coalesce($3::jsonb, '{}') as payload,
                 $5::boolean as type_active, $6::boolean as admin_only, $7::timestamptz as due_at,
                 $8::timestamptz as expires_at, $9::text[] as prefixes, $10::integer as spread, $11::integer as minimum,
                 $12::text as priority, $13::text[] as locales) source
    cross join (select $4::text as channel) target
    {recipients}
    left join herald.user_notification_preferences n on n.user_id = source.target_user_id
    left join herald.user_sms_preferences p on p.user_id = source.target_user_id
    offset 0 -- each value is worked out once
) g
