-- Writes what Twilio Verify said. The caller holds the locks of user and number, and the user has a row of text preferences (preferences_rows.sql).
-- $1 worker, $2 verification, $3 claim, $4 verdict, $5 ask again in so many seconds or NULL, $6 Verify's SID,
-- $7 error code, $8 error message
with v as materialized (
    select v.*
    from herald.phone_verifications v
    where v.id = $2 and v.claims = $3 and v.claimed_by = $1 and v.status in ('starting', 'checking')
    for no key update
),
judged as materialized (
    select v.id, v.user_id, v.phone_number, verdict.*
    from v
    cross join lateral (
        select case
                   when $4 = 'approved' then case when holder.is_known then 'failed' else 'approved' end
                   when $4 in ('sent', 'wrong_code') then 'pending'
                   when $4 = 'expired' then 'expired'
                   when $5 is not null then v.status
                   -- A check that came to nothing may be tried again, with the same code.
                   when $4 in ('retry', 'service_failure') and v.status = 'checking' then 'pending'
                   else 'failed'
               end as status,
               case
                   when $4 = 'approved' then case when holder.is_known then 'number_in_use' end
                   when $4 in ('sent', 'expired') or $5 is not null then null
                   when $4 = 'retry' then 'service_failure'
                   else $4
               end as reason
        from (select exists (select from herald.user_sms_preferences p
                             where p.phone_number = v.phone_number and p.phone_verified and p.user_id <> v.user_id) as is_known) as holder
    ) as verdict
),
person as (
    update herald.user_sms_preferences p
    set phone_number = judged.phone_number, phone_verified = true, phone_verified_at = now(),
        opted_out = false, opted_out_at = null, opt_out_reason = null,
        phone_invalid_reason = null, phone_invalid_at = null, updated_at = now()
    from judged
    where p.user_id = judged.user_id and judged.status = 'approved'
    -- Twilio's own block is not ours to lift: then the row says that it has opted out, still.
    returning p.user_id, p.opted_out
),
evidence as (
    insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, wording)
    select {ext}.herald_uuid_v7(), judged.user_id, judged.phone_number, 'verified', 'twilio_verify',
           (select value #>> '{}' from herald.settings where name = 'consent_wording')
    from judged
    where judged.status = 'approved'
),
welcome as (
    insert into herald.notification_subscriptions (user_id, event_type, sms_enabled, created_by)
    select judged.user_id, 'user.welcome', true, judged.user_id from judged where judged.status = 'approved'
    on conflict (event_type, user_id) do nothing
),
written as (
    update herald.phone_verifications v
    set status = judged.status,
        failure_reason = coalesce(judged.reason, case when person.opted_out then 'provider_blocked' end),
        verification_sid = coalesce($6, v.verification_sid),
        sent_count = v.sent_count + ($4 = 'sent')::integer,
        attempts = v.attempts + (v.status = 'checking' and $4 not in ('retry', 'service_failure'))::integer,
        expires_at = case when $4 = 'sent'
                          then now() + make_interval(secs => (select (value #>> '{}')::integer from herald.settings where name = 'verify_code_seconds'))
                          else v.expires_at end,
        error_code = $7, error_message = $8, updated_at = now()
    from judged
    left join person on person.user_id = judged.user_id
    where v.id = judged.id
    returning v.id, v.user_id, v.status, v.failure_reason
),
again as (
    update herald.queue_jobs q
    set run_at = now() + make_interval(secs => $5)
    from written
    where q.subject_id = written.id and $5 is not null
),
done as (
    delete from herald.queue_jobs q using written where q.subject_id = written.id and $5 is null
)
select written.user_id, written.status, written.failure_reason,
       written.status = 'approved' and coalesce(et.is_active, false) as is_welcome
from written
left join herald.notification_event_types et on et.event_type = 'user.welcome'
