-- Writes results of requests. $1 worker, $2 results (JSON array);
-- $3/$4 message statuses and their ranks, $5/$6 Twilio's words and our statuses, $7/$8 delivery statuses and their ranks.
-- The batch row is the fence: a result whose batch is gone, or whose message is no longer in it, changes nothing.
with input as (
    select r.*
    from jsonb_to_recordset($2) as r (
        batch_id uuid, message_id uuid, attempt integer, outcome text, sid text, twilio_status text, http_status integer,
        error_code integer, error_message text, request_id text, elapsed_ms integer, segments smallint,
        retry_after_seconds integer, reason text)
),
-- A result that is named twice counts once.
answer as materialized (
    select distinct on (batch_id, message_id, attempt) *
    from input
    order by batch_id, message_id, attempt, outcome
),
message_rank as (select * from unnest($3, $4) as r (status, rank)),
twilio_word as (select * from unnest($5, $6) as w (word, status)),
delivery_rank as (select * from unnest($7, $8) as r (status, rank)),
batch as materialized (
    select b.id, b.open_messages
    from herald.dispatch_batches b
    where b.id in (select batch_id from input) and b.worker = $1
    order by b.id
    for update
),
message as materialized (
    select m.id, m.user_id, m.status, m.twilio_sid, m.attempt_count, m.max_attempts, m.phone_number, m.priority,
           m.notification_delivery_id, m.batch_id, m.last_attempt
    from herald.sms_messages m
    join answer on answer.message_id = m.id and answer.batch_id = m.batch_id and answer.attempt = m.last_attempt
    join batch on batch.id = m.batch_id
    order by m.id
    for no key update of m
),
judged as materialized (
    select input.*, message.user_id, message.status as old_status, message.twilio_sid as known_sid,
           message.phone_number, message.priority, message.notification_delivery_id,
           -- A callback may have come before the answer was read: then Twilio has the message, whatever we saw.
           case when message.twilio_sid is not null then 'accepted' else input.outcome end as settled,
           case when message.twilio_sid is null and input.outcome = 'unknown' then {unknown_policy} end as unknown_policy,
           c.category, c.action,
           c.meaning,
           message.attempt_count
               + (case when input.outcome = 'not_sent' then coalesce(c.counts_attempt, false) else true end)::integer
               as attempts,
           coalesce(1 + c.max_attempts, message.max_attempts) as attempts_allowed,
           case when input.outcome = 'rejected' then coalesce(c.retry, 'never') else 'backoff' end as retry,
           coalesce(c.counts_attempt, input.outcome <> 'not_sent') as limited,
           case
               when input.reason = 'shutdown' then 0
               -- Only an event type whose doubts are not waited out sends again here.
               when input.outcome = 'unknown' and input.attempt = 1 then 0
               when input.retry_after_seconds is not null then input.retry_after_seconds
               -- Carriers' daily caps are set back at midnight Pacific time.
               when c.retry = 'daily_reset' then extract(epoch from
                   (date_trunc('day', now() at time zone 'America/Los_Angeles') + interval '1 day')
                       at time zone 'America/Los_Angeles' - now())
               else {ext}.herald_retry_delay(coalesce(nullif(c.base_delay_seconds, 0), 5),
                                             coalesce(nullif(c.max_delay_seconds, 0), 300), input.attempt, random())
           end as delay_seconds
    from answer as input
    join message on message.id = input.message_id and message.batch_id = input.batch_id
                    and message.last_attempt = input.attempt
    -- A request that Twilio provably did not take up is tried again, unless its code has a rule of its own.
    left join herald.twilio_error_codes c
        on c.code = input.error_code and (input.outcome <> 'not_sent' or c.retry in ('once', 'backoff', 'daily_reset', 'stop'))
),
decided as materialized (
    select judged.*,
           case settled
               when 'accepted' then
                   case when new_rank.rank > old_rank.rank then coalesce(word.status, 'sending') else old_status end
               when 'unknown' then
                   case when unknown_policy = 'at_least_once' and attempts < attempts_allowed then 'pending' else 'unknown' end
               else case
                   when retry in ('never', 'reconcile', 'not_applicable') or (limited and attempts >= attempts_allowed)
                       then 'failed'
                   else 'pending'
               end
           end as new_status
    from judged
    left join twilio_word word on word.word = judged.twilio_status
    left join message_rank new_rank on new_rank.status = coalesce(word.status, 'sending')
    left join message_rank old_rank on old_rank.status = judged.old_status
),
written as (
    update herald.sms_messages m
    set status = d.new_status,
        batch_id = null,
        attempt_count = d.attempts,
        twilio_sid = coalesce(m.twilio_sid, case when d.settled = 'accepted' then d.sid end),
        twilio_status = coalesce(m.twilio_status, d.twilio_status),
        twilio_error_code = coalesce(d.error_code, m.twilio_error_code),
        twilio_error_message = coalesce(d.meaning, d.error_message, m.twilio_error_message),
        error_category = coalesce(d.category, m.error_category),
        segments = coalesce(nullif(d.segments, 0), m.segments),
        sent_at = case when d.new_status in ('sent', 'delivered') then coalesce(m.sent_at, now()) else m.sent_at end,
        failed_at = case when d.new_status = 'failed' then now() else m.failed_at end,
        next_retry_at = case when d.new_status = 'pending' then now() + make_interval(secs => d.delay_seconds) end,
        updated_at = now()
    from decided d
    where m.id = d.message_id
    returning m.id, m.status, m.next_retry_at
),
ledger as (
    insert into herald.sms_send_attempts
        (message_id, attempt, batch_id, worker, started_at, finished_at, outcome, reason, sid, http_status, error_code,
         error_message, request_id, resolved_by, resolved_at, resolve_at)
    select message_id, attempt, batch_id, $1, now() - make_interval(secs => coalesce(elapsed_ms, 0) / 1000.0), now(),
           settled, reason, case when settled = 'accepted' then coalesce(known_sid, sid) end, http_status, error_code,
           error_message, request_id,
           case when settled <> outcome then 'callback' when settled = 'unknown' and new_status = 'pending' then 'policy' end,
           case when settled <> outcome or settled = 'unknown' and new_status = 'pending' then now() end,
           case when new_status = 'unknown'
                then now() - make_interval(secs => coalesce(elapsed_ms, 0) / 1000.0)
                     + (select decision_wait from herald.protocol_times)
           end
    from decided
),
delivery as (
    update herald.notification_deliveries d
    set status = goal.status,
        sent_at = case when goal.status = 'sent' then coalesce(d.sent_at, now()) else d.sent_at end,
        failed_at = case when goal.status = 'failed' then now() else d.failed_at end,
        last_error = coalesce(decided.meaning, decided.error_message, d.last_error),
        attempts = decided.attempts,
        updated_at = now()
    from decided
    cross join lateral (
        select case
                   when decided.new_status = 'failed' then 'failed'
                   when decided.settled = 'accepted' then 'sent'
                   when decided.new_status = 'pending' then 'pending'
                   else 'queued'
               end as status
    ) goal
    join delivery_rank new_rank on new_rank.status = goal.status
    where d.id = decided.notification_delivery_id
      -- Forward only, but for our own next attempt, which puts a claimed delivery back in line.
      and (new_rank.rank > (select rank from delivery_rank where status = d.status)
           or goal.status = d.status or goal.status = 'pending' and d.status = 'queued')
),
refused as (
    select user_id, phone_number, error_code, sid from decided where action = 'opt_out'
),
{opt_out},
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
    select written.id, 'send_sms', rank.priority, written.next_retry_at, d.attempt + 1
    from written
    join decided d on d.message_id = written.id
    join unnest($9, $10) as rank (name, priority) on rank.name = d.priority
    where written.status = 'pending'
),
-- Counted from the locked row: another part of the batch may have been completed since this statement began.
finished as materialized (
    select batch.id, batch.open_messages - count(*)::integer as still_open
    from decided join batch on batch.id = decided.batch_id
    group by batch.id, batch.open_messages
),
shrunk as (
    update herald.dispatch_batches b
    set open_messages = finished.still_open
    from finished
    where b.id = finished.id and finished.still_open > 0
),
closed as (
    delete from herald.dispatch_batches b using finished where b.id = finished.id and finished.still_open <= 0
)
select input.message_id, input.attempt, d.message_id is not null as applied, d.new_status
from input
left join decided d on d.message_id = input.message_id and d.attempt = input.attempt and d.batch_id = input.batch_id
