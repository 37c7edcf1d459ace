-- The results of a look into Twilio's list that did not find the text: absent, ambiguous, failed (the list), and not_sent by
-- an operator's word. Absent twice, far enough apart, is not sent. $1 results, $2/$3 names and ranks of the priorities
with input as (
    select distinct on (r.message_id, r.attempt) r.*
    from jsonb_to_recordset($1) as r (claim_id uuid, message_id uuid, attempt integer, verdict text, source text)
    where r.verdict <> 'found'
    order by r.message_id, r.attempt
),
doubt as materialized (
    select a.message_id, a.attempt, a.reason, input.source,
           -- When it was counted against the limits.
           case when a.reason = 'quarantine' then a.finished_at else a.started_at end as counted_at,
           case
               when input.verdict = 'not_sent' then 'not_sent'
               when input.verdict = 'absent' and a.absent_at + times.listing_gap <= a.resolve_claimed_at then 'not_sent'
               else input.verdict
           end as step
    from herald.sms_send_attempts a
    join input on input.message_id = a.message_id and input.attempt = a.attempt and input.claim_id = a.resolve_claim
    cross join herald.protocol_times times
    where a.resolve_at is not null
    order by a.message_id, a.attempt
    for update of a
),
message as materialized (
    select m.id, m.user_id, m.phone_number, m.by_admin, doubt.counted_at, m.priority, m.notification_delivery_id, m.max_attempts,
           m.last_attempt,
           -- A daemon's end is not the text's fault and costs it no attempt. A text that ends daemons does not go round for ever.
           m.attempt_count
               - (coalesce(doubt.reason in ('lease_expired', 'quarantine'), false) and doubt.attempt < 30)::integer as attempts
    from doubt
    join herald.sms_messages m on m.id = doubt.message_id and m.last_attempt = doubt.attempt
    where doubt.step = 'not_sent' and m.status = 'unknown'
),
decided as materialized (
    select message.*,
           case when {unknown_policy} = 'at_most_once' then 'Twilio never took it, and its event type is never sent again (at_most_once)'
                when attempts >= max_attempts then 'Twilio never took it, and no attempt is left'
           end as end_reason
    from message
),
ledger as (
    update herald.sms_send_attempts a
    set outcome = case doubt.step when 'not_sent' then 'not_sent' else a.outcome end,
        resolved_by = case doubt.step when 'not_sent' then coalesce(doubt.source, 'list') end,
        resolved_at = case doubt.step when 'not_sent' then now() end,
        resolve_claim = null,
        absent_at = case doubt.step when 'absent' then coalesce(a.absent_at, now()) when 'ambiguous' then null else a.absent_at end,
        resolve_at = case doubt.step
            when 'not_sent' then null
            when 'absent' then now() + times.listing_gap + interval '0.1 seconds'
            -- Somebody else's text may be the one in the list: it will be settled soon.
            when 'ambiguous' then now() + make_interval(secs => 5 + 5 * random())
            else now() + make_interval(secs => 10 + 10 * random())
        end
    from doubt
    cross join herald.protocol_times times
    where a.message_id = doubt.message_id and a.attempt = doubt.attempt
    returning a.message_id, a.attempt, a.outcome
),
written as (
    update herald.sms_messages m
    set status = case when decided.end_reason is null then 'pending' else 'failed' end,
        attempt_count = decided.attempts,
        next_retry_at = case when decided.end_reason is null then now() end,
        failed_at = case when decided.end_reason is not null then now() end,
        twilio_error_message = coalesce(decided.end_reason, m.twilio_error_message),
        updated_at = now()
    from decided
    where m.id = decided.id
    returning m.id, m.status
),
delivery as (
    update herald.notification_deliveries d
    set status = case when decided.end_reason is null then 'pending' else 'failed' end,
        failed_at = case when decided.end_reason is not null then now() else d.failed_at end,
        last_error = coalesce(decided.end_reason, d.last_error),
        attempts = decided.attempts,
        updated_at = now()
    from decided
    where d.id = decided.notification_delivery_id and d.status in ('pending', 'queued')
),
unsent as (
    select id as message_id, notification_delivery_id as delivery_id, user_id, phone_number, by_admin, counted_at as claimed_at
    from decided
),
touched as (select null::text as phone_number where false),
{refund},
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
    select decided.id, 'send_sms', rank.priority, now(), decided.last_attempt + 1
    from decided
    join unnest($2, $3) as rank (name, priority) on rank.name = decided.priority
    where decided.end_reason is null
)
select ledger.message_id, ledger.attempt, ledger.outcome, written.status
from ledger
left join written on written.id = ledger.message_id
