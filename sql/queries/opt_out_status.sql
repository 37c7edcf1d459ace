-- Whether a user has opted out, and the way back; one row also for a user we have never heard of. $1 user
select coalesce(p.opted_out, false) as opted_out, p.opted_out_at, p.opt_out_reason,
       coalesce(o.provider_blocked, false) as provider_blocked, o.blocked_sender,
       case
           when o.provider_blocked then 'text_start'
           when p.opted_out or p.user_id is null or not p.phone_verified then 'verify_phone'
           else 'none'
       end as next_step
from (values (1)) as always (one)
left join herald.user_sms_preferences p on p.user_id = $1
left join herald.sms_opt_outs o on o.number_hash = herald.number_hash(p.phone_number)
