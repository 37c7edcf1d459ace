-- What a user's SMS channel looks like; one row also for a user we have never heard of. $1 user
select coalesce(p.phone_number is not null and p.phone_verified and not p.opted_out, false) as has_sms_available,
       p.phone_number, coalesce(p.phone_verified, false) as phone_verified, p.phone_verified_at,
       coalesce(p.opted_out, false) as opted_out
from (values (1)) as always (one)
left join herald.user_sms_preferences p on p.user_id = $1
