-- What stands between a user and texts; one row also for a user we have never heard of. Locked, so that the answer holds.
-- $1 user
select p.phone_number is not null
           or exists (select from herald.phone_verifications v
                      where v.user_id = $1 and v.status in ('starting', 'pending', 'checking')) as has_phone,
       coalesce(p.phone_verified, false) as is_verified,
       coalesce(p.opted_out, false)
           or coalesce((select bool_or(o.opted_out) from herald.user_sms_preferences o where o.phone_number = p.phone_number), false)
           as is_opted_out,
       exists (select from herald.sms_opt_outs o
               where o.number_hash = herald.number_hash(p.phone_number) and o.provider_blocked) as is_blocked
from (values (1)) as always (one)
left join lateral (
    select * from herald.user_sms_preferences p where p.user_id = $1 for share
) p on true
