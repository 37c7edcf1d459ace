-- Writes results of requests. $1 worker, $2 results (JSON array);
-- $3/$4 message statuses and their ranks, $5/$6 Twilio's words and our statuses, $7/$8 delivery statuses and their ranks,
-- $9/$10 names and queue ranks of the priorities.
-- Without the part "failures" (see query.rs) it is for results that all are accepted: half of the statement then has nothing to
-- do, and starting it costs more than writing a few results.
-- The batch row is the fence: a result whose batch is gone, or whose message is no longer in it, changes nothing.
with input as (
    select r.*
    from jsonb_to_recordset($2) as r (
        batch_id uuid, message_id uuid, attempt integer, outcome text, sid text, twilio_status text, http_status integer,
        error_code integer, error_message text, request_id text, elapsed_ms integer, segments smallint,
        retry_after_seconds integer, reason text, sender text)
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
    select b.id, b.open_messages, b.claimed_at
    from herald.dispatch_batches b
    where b.id in (select batch_id from input) and b.worker = $1
    order by b.id
    for update
),
message as materialized (
    select m.id, m.user_id, m.status, m.twilio_sid, m.attempt_count, m.max_attempts, m.phone_number, m.priority,
           m.expires_at, m.notification_delivery_id, m.batch_id, m.last_attempt, m.by_admin, batch.claimed_at
    from herald.sms_messages m
    join answer on answer.message_id = m.id and answer.batch_id = m.batch_id and answer.attempt = m.last_attempt
    join batch on batch.id = m.batch_id
    order by m.id
    for no key update of m
),
judged as materialized (
    select input.*, message.user_id, message.status as old_status, message.twilio_sid as known_sid,
           message.phone_number, message.priority, message.notification_delivery_id, message.claimed_at,
           message.attempt_count, message.max_attempts, message.expires_at, message.by_admin,
           -- A callback may have come before the answer was read: then Twilio has the message, whatever we saw.
           case when message.twilio_sid is not null then 'accepted' else input.outcome end as seen,
           -- if failures
           case when message.twilio_sid is null and input.outcome <> 'accepted' then {unknown_policy} end as unknown_policy
           -- else
           null::text as unknown_policy
           -- end failures
    from answer as input
    join message on message.id = input.message_id and message.batch_id = input.batch_id
                    and message.last_attempt = input.attempt
),
-- if failures
failing as materialized (
    select message_id, user_id, phone_number, attempt, 'request' as surface, http_status, error_code,
           seen = 'rejected' or http_status is not null or error_code is not null as is_refused,
           attempt_count as attempts_before, max_attempts, expires_at, claimed_at as attempt_at, sender,
           null::text as sid, reason, retry_after_seconds, seen <> 'unknown' as is_news
    from judged
    -- What an answer of doubtful worth says is noted, and nothing follows from it.
    where seen in ('rejected', 'not_sent') or seen = 'unknown' and http_status is not null
),
{failure},
-- end failures
decided as materialized (
    select j.message_id, j.attempt, j.batch_id, j.outcome, j.sid, j.twilio_status, j.http_status, j.error_code,
           j.error_message, j.request_id, j.elapsed_ms, j.segments, j.reason, j.known_sid, j.phone_number, j.priority,
           j.notification_delivery_id, j.user_id, j.by_admin, j.claimed_at, j.seen,
           -- if failures
           r.category, r.meaning,
           -- What is in doubt and is not waited for goes again at once, and then more slowly.
           case when j.seen = 'unknown' or r.message_id is null then now() + make_interval(secs =>
               case when j.attempt > 1 then {ext}.herald_retry_delay(5, 300, j.attempt - 1, random()) else 0 end)
           else r.run_at end as run_at,
           -- The rule, which the owner may have edited, decides what a refusal says: not_sent blames anything but the text.
           case
               when r.message_id is null or j.seen = 'unknown' then j.seen
               when not r.is_refused then 'not_sent'
               when r.retry = 'reconcile' then 'unknown'
               when r.counts_attempt or r.retry = 'not_applicable' then 'rejected'
               else 'not_sent'
           end as settled,
           case when r.message_id is null or j.seen = 'unknown' then j.attempt_count + 1 else r.attempts end as attempts,
           -- else
           null::text as category, null::text as meaning, now() as run_at, j.seen as settled, j.attempt_count + 1 as attempts,
           -- end failures
           case
               when j.seen = 'accepted' then
                   case when new_rank.rank > old_rank.rank then coalesce(word.status, 'sending') else j.old_status end
               -- if failures
               when j.seen = 'unknown' or r.retry = 'reconcile' then
                   case when j.unknown_policy = 'at_least_once' and coalesce(r.attempts, j.attempt_count + 1) < j.max_attempts
                        then 'pending' else 'unknown' end
               when r.goes_again then 'pending'
               else 'failed'
               -- end failures
           end as new_status
    from judged j
    -- if failures
    left join ruled r on r.message_id = j.message_id
    -- end failures
    left join twilio_word word on word.word = j.twilio_status
    left join message_rank new_rank on new_rank.status = coalesce(word.status, 'sending')
    left join message_rank old_rank on old_rank.status = j.old_status
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
        -- In doubt, a failure may still be told; failures.sql has to see that nothing was made of it yet.
        error_category = case when d.new_status = 'unknown' then m.error_category else coalesce(d.category, m.error_category) end,
        segments = coalesce(nullif(d.segments, 0), m.segments),
        sent_at = case when d.new_status in ('sent', 'delivered') then coalesce(m.sent_at, now()) else m.sent_at end,
        failed_at = case when d.new_status in ('failed', 'undelivered') then coalesce(m.failed_at, now()) else m.failed_at end,
        next_retry_at = case when d.new_status = 'pending' then d.run_at end,
        updated_at = now()
    from decided d
    where m.id = d.message_id
    returning m.id, m.status, m.next_retry_at
),
ledger as (
    insert into herald.sms_send_attempts
        (message_id, attempt, batch_id, worker, started_at, finished_at, outcome, reason, sid, http_status, error_code,
         error_message, request_id, resolved_by, resolved_at, resolve_at)
    select message_id, attempt, batch_id, $1,
           -- A result may be written long after it came. What is in doubt is looked for in Twilio's list from here on, so its
           -- request must not have begun earlier: the claim is the one time that is certain.
           case settled when 'unknown' then claimed_at else now() - make_interval(secs => coalesce(elapsed_ms, 0) / 1000.0) end,
           now(),
           settled, reason, case when settled = 'accepted' then coalesce(known_sid, sid) end, http_status, error_code,
           error_message, request_id,
           case when seen <> outcome then 'callback' when settled = 'unknown' and new_status = 'pending' then 'policy' end,
           case when seen <> outcome or settled = 'unknown' and new_status = 'pending' then now() end,
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
                   when decided.new_status in ('failed', 'undelivered') then 'failed'
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
-- if failures
{failure_effects},
unsent as (
    select message_id, notification_delivery_id as delivery_id, user_id, phone_number, by_admin, claimed_at
    from decided where settled in ('not_sent', 'rejected')
),
touched as (
    select phone_number from ruled where action in ('opt_out', 'mark_number') and is_news
),
{refund},
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
    select written.id, 'send_sms', rank.priority, written.next_retry_at, d.attempt + 1
    from written
    join decided d on d.message_id = written.id
    join unnest($9, $10) as rank (name, priority) on rank.name = d.priority
    where written.status = 'pending'
),
-- end failures
-- The text that a breaker let through went through. (In one statement a breaker is touched once.)
mended as (
    update herald.breakers b
    set closed_at = now(), closed_by = 'probe'
    where b.closed_at is null and b.surface = 'request'
      and exists (select from decided d
                  where d.settled = 'accepted' and d.claimed_at >= b.probed_at
                    and (b.scope <> 'country' or b.key = {ext}.herald_country_key(d.phone_number)))
      -- if failures
      and not exists (select from pausing p where p.scope = b.scope and p.key = b.key)
      -- end failures
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
select input.message_id, input.attempt, d.message_id is not null as applied, d.new_status,
       coalesce(d.known_sid, d.sid) as sid,
       -- What is still to be done about it: a failure that Twilio has told already, callbacks that waited for the SID.
       d.settled = 'accepted' and (d.new_status in ('failed', 'undelivered')
           or exists (select from herald.twilio_callbacks o
                      where o.result = 'orphan' and o.message_sid = coalesce(d.known_sid, d.sid))) as is_open
from input
left join decided d on d.message_id = input.message_id and d.attempt = input.attempt and d.batch_id = input.batch_id
