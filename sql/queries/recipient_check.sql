-- Is this the user's verified number, and may it be texted? $1 user, $2 number
select coalesce(bool_or(p.user_id = $1 and p.phone_verified), false) as is_verified,
       coalesce(bool_or(p.opted_out), false)
           or exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash($2)) as is_opted_out
from herald.user_sms_preferences p
where p.phone_number = $2 and (p.phone_verified or p.opted_out)
