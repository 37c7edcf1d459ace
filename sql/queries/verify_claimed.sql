-- What a worker's claim is about, if it still is its. $1 worker, $2 verification, $3 claim
select v.user_id, v.phone_number, case v.status when 'checking' then 'check' else 'start' end as step, q.attempt - 1 as tries
from herald.phone_verifications v
join herald.queue_jobs q on q.subject_id = v.id and q.job_type = 'verify'
where v.id = $2 and v.claims = $3 and v.claimed_by = $1 and v.status in ('starting', 'checking')
