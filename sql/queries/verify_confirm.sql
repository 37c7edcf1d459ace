-- Hands a code to the daemons, or says why not. The caller holds the locks of user and number.
-- $1 verification, $2 code, $3 queue rank, $4 wake the daemons
with v as materialized (
    select v.id, v.user_id, v.phone_number, v.status, v.expires_at
    from herald.phone_verifications v
    where v.id = $1
    for no key update
),
judged as materialized (
    select v.*, case
        when v.status = 'starting' then 'starting'
        when v.status = 'checking' then 'busy'
        when v.status <> 'pending' then 'no_verification'
        when v.expires_at <= now() then 'expired'
        when most.checks <= (select count(*) from herald.phone_verification_tries t
                             where t.user_id = v.user_id and t.step = 'check' and t.tried_at > now() - interval '1 hour')
          or most.checks <= (select count(*) from herald.phone_verification_tries t
                             where t.phone_number = v.phone_number and t.step = 'check' and t.tried_at > now() - interval '1 hour')
            then 'too_many_checks'
        else 'checking'
    end as answer
    from v
    cross join (select (value #>> '{}')::bigint as checks from herald.settings where name = 'verify_checks_per_hour') as most
),
verification as (
    update herald.phone_verifications v
    set status = case judged.answer when 'checking' then 'checking' when 'expired' then 'expired' else v.status end,
        failure_reason = case judged.answer when 'too_many_checks' then 'too_many_checks' end,
        updated_at = now()
    from judged
    where v.id = judged.id and judged.answer in ('checking', 'expired', 'too_many_checks')
),
code as (
    insert into herald.phone_verification_codes (verification_id, code)
    select id, $2 from judged where answer = 'checking'
    on conflict (verification_id) do update set code = excluded.code, created_at = now()
),
old_try as (
    delete from herald.phone_verification_tries t
    using judged
    where (t.user_id = judged.user_id or t.phone_number = judged.phone_number) and t.tried_at <= now() - interval '1 hour'
),
new_try as (
    insert into herald.phone_verification_tries (verification_id, user_id, phone_number, step)
    select id, user_id, phone_number, 'check' from judged where answer = 'checking'
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select id, 'verify', $3, now(), $4 from judged where answer = 'checking'
)
select answer from judged
