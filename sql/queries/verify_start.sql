-- Begins a verification, or notes why it may not begin. The caller holds the locks of user and number.
-- $1 id, $2 user, $3 number, $4 queue rank, $5 wake the daemons
with judged as materialized (
    select case
        when not exists (select from jsonb_array_elements_text(
                             (select value from herald.settings where name = 'allowed_country_prefixes')) as prefix
                         where starts_with($3, prefix)) then 'country_not_allowed'
        when exists (select from herald.user_sms_preferences p
                     where p.phone_number = $3 and p.phone_verified and p.user_id <> $2) then 'number_in_use'
        when most.starts <= (select count(*) from herald.phone_verification_tries t
                             where t.user_id = $2 and t.step = 'start' and t.tried_at > now() - interval '1 hour')
          or most.starts <= (select count(*) from herald.phone_verification_tries t
                             where t.phone_number = $3 and t.step = 'start' and t.tried_at > now() - interval '1 hour')
            then 'too_many_starts'
    end as reason
    from (select (value #>> '{}')::bigint as starts from herald.settings where name = 'verify_starts_per_hour') as most
),
-- Of the starts that we refused ourselves a user has one: the last.
earlier_refusal as (
    delete from herald.phone_verifications v
    where v.user_id = $2 and v.status = 'failed' and v.claims = 0
),
superseded as (
    update herald.phone_verifications v
    set status = 'superseded', updated_at = now()
    from judged
    where v.user_id = $2 and v.status in ('starting', 'pending', 'checking') and judged.reason is null
    returning v.id
),
old_job as (delete from herald.queue_jobs q using superseded where q.subject_id = superseded.id and q.job_type = 'verify'),
old_code as (delete from herald.phone_verification_codes c using superseded where c.verification_id = superseded.id),
old_try as (
    delete from herald.phone_verification_tries t
    where (t.user_id = $2 or t.phone_number = $3) and t.tried_at <= now() - interval '1 hour'
),
verification as (
    insert into herald.phone_verifications (id, user_id, phone_number, status, failure_reason, expires_at)
    select $1, $2, $3, case when reason is null then 'starting' else 'failed' end, reason,
           case when reason is null then now() + make_interval(secs => (s.value #>> '{}')::integer) end
    from judged cross join herald.settings s
    where s.name = 'verify_code_seconds'
),
new_try as (
    insert into herald.phone_verification_tries (verification_id, user_id, phone_number, step)
    select $1, $2, $3, 'start' from judged where reason is null
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select $1, 'verify', $4, now(), $5 from judged where reason is null
)
select reason from judged
