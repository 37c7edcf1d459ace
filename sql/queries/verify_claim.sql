-- Takes up to $2 verifications for worker $1. $3 queue rank. Each stays in the queue, due again when the lease ends: a start
-- is then made once more, and a check whose code is gone goes back to the person. Codes leave the database here.
with due as materialized (
    select q.subject_id, q.attempt
    from herald.queue_jobs q
    where q.job_type = 'verify' and q.priority = $3 and q.run_at <= now()
    order by q.run_at
    limit $2
    for update skip locked
),
v as materialized (
    select v.id, v.status, v.expires_at, due.attempt, c.code
    from due
    join herald.phone_verifications v on v.id = due.subject_id
    left join herald.phone_verification_codes c on c.verification_id = v.id
    order by v.id
    for no key update of v
),
judged as materialized (
    select v.*, coalesce(v.status = 'starting' and v.expires_at > now() or v.status = 'checking' and v.code is not null, false) as goes
    from v
),
code as (delete from herald.phone_verification_codes c using due where c.verification_id = due.subject_id),
leased as (
    update herald.queue_jobs q
    set attempt = q.attempt + 1, run_at = now() + make_interval(secs => (s.value #>> '{}')::integer)
    from judged cross join herald.settings s
    -- By array, so that a long queue is never read from end to end.
    where q.subject_id = any (array(select id from judged where goes)) and q.subject_id = judged.id and s.name = 'lease_seconds'
),
over as (
    delete from herald.queue_jobs q
    where q.subject_id = any (array(select subject_id from due where subject_id not in (select id from judged where goes)))
),
claimed as (
    update herald.phone_verifications v
    set claims = v.claims + judged.goes::integer,
        claimed_by = case when judged.goes then $1 else v.claimed_by end,
        status = case
            when judged.goes then v.status
            when v.status = 'starting' then 'expired'
            when v.status = 'checking' then 'pending'
            else v.status
        end,
        failure_reason = case when judged.goes or v.status not in ('starting', 'checking') then v.failure_reason else 'service_failure' end,
        updated_at = now()
    from judged
    where v.id = judged.id
    returning v.id, v.user_id, v.phone_number, v.channel, v.verification_sid, v.claims, v.status, v.failure_reason
)
select claimed.id, claimed.claims, case claimed.status when 'checking' then 'check' else 'start' end as step,
       claimed.phone_number, claimed.channel, claimed.verification_sid, judged.code, judged.goes, claimed.user_id,
       claimed.status, claimed.failure_reason
from claimed
join judged on judged.id = claimed.id
