-- People by a part of their name or address, or by their id; those whose name or address begins with it come first.
-- $1 what to look for, '' = everybody; $2 event type or NULL; $3 most rows
with wanted as (
    select replace(replace(replace($1, '\', '\\'), '%', '\%'), '_', '\_') as part
)
select r.user_id, r.email::text, r.name::text, coalesce(r.is_admin, false) as is_admin,
       coalesce(p.phone_number is not null and p.phone_verified and not p.opted_out, false) as has_phone,
       exists (select from herald.notification_subscriptions s
               where s.event_type = $2 and s.user_id = r.user_id and s.is_active) as is_subscribed
from wanted
cross join herald.recipients r
left join herald.user_sms_preferences p on p.user_id = r.user_id
where $1 = '' or r.name::text ilike '%' || wanted.part || '%' or r.email::text ilike '%' || wanted.part || '%'
   or r.user_id::text = lower($1)
order by coalesce(r.name::text ilike wanted.part || '%' or r.email::text ilike wanted.part || '%', false) desc,
         r.name::text, r.email::text, r.user_id
limit $3
