-- A user's latest verification. $1 user
select v.id, v.phone_number,
       case when v.status = 'pending' and v.expires_at <= now() then 'expired' else v.status end as status,
       v.failure_reason, v.attempts, v.expires_at, v.created_at, v.updated_at
from herald.phone_verifications v
where v.user_id = $1
order by v.created_at desc, v.id desc
limit 1
