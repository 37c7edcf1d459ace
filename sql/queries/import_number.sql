-- Takes over a number that was proven elsewhere, unless somebody else has it or an opt-out stands against it: that only the
-- person lifts. The caller holds the locks, and the user has a row of text preferences. $1 user, $2 number, $3 evidence
with judged as materialized (
    select case
        when exists (select from herald.user_sms_preferences o
                     where o.phone_number = $2 and o.phone_verified and o.user_id <> $1) then 'number_in_use'
        when exists (select from herald.user_sms_preferences o
                     where o.opted_out and (o.phone_number = $2 or o.user_id = $1))
          or exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash($2)) then 'opted_out'
    end as reason
),
person as (
    update herald.user_sms_preferences p
    set phone_number = $2, phone_verified = true, phone_verified_at = now(),
        phone_invalid_reason = null, phone_invalid_at = null, updated_at = now()
    from judged
    where p.user_id = $1 and judged.reason is null
),
superseded as (
    update herald.phone_verifications v
    set status = 'superseded', updated_at = now()
    from judged
    where v.user_id = $1 and v.status in ('starting', 'pending', 'checking') and judged.reason is null
    returning v.id
),
job as (delete from herald.queue_jobs q using superseded where q.subject_id = superseded.id and q.job_type = 'verify'),
code as (delete from herald.phone_verification_codes c using superseded where c.verification_id = superseded.id),
evidence as (
    insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, wording)
    select {ext}.herald_uuid_v7(), $1, $2, 'verified', 'import', $3 from judged where reason is null
)
select reason from judged
