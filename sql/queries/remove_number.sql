-- A user gives a number up: it can be verified by somebody else from now on. $1 user
with old as materialized (
    select p.id from herald.user_sms_preferences p where p.user_id = $1 and p.phone_number is not null for no key update
),
person as (
    update herald.user_sms_preferences p
    set phone_number = null, phone_verified = false, phone_verified_at = null,
        phone_invalid_reason = null, phone_invalid_at = null, updated_at = now()
    from old
    where p.id = old.id
    returning p.id
),
superseded as (
    update herald.phone_verifications v
    set status = 'superseded', updated_at = now()
    where v.user_id = $1 and v.status in ('starting', 'pending', 'checking')
    returning v.id
),
job as (delete from herald.queue_jobs q using superseded where q.subject_id = superseded.id and q.job_type = 'verify'),
code as (delete from herald.phone_verification_codes c using superseded where c.verification_id = superseded.id)
select exists (select from person) as was_there
