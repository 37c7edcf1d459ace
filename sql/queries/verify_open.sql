-- What a user has begun and not ended; at most one. $1 user
select v.id, v.phone_number
from herald.phone_verifications v
where v.user_id = $1 and v.status in ('starting', 'pending', 'checking')
order by v.created_at desc
limit 1
