-- Batches whose worker has gone: what was asked of Twilio is in doubt, so it becomes unknown and is never sent blindly
-- again, unless its event type asks for that. $1/$2 names and ranks of the priorities
with expired as materialized (
    select b.id, b.worker, b.claimed_at, b.message_ids
    from herald.dispatch_batches b
    where b.lease_until < now()
    order by b.id
    for update skip locked
),
message as materialized (
    select m.id, m.status, m.last_attempt, m.twilio_sid, m.batch_id, m.attempt_count, m.max_attempts, m.priority,
           m.notification_delivery_id, expired.worker, expired.claimed_at
    from expired
    join herald.sms_messages m on m.batch_id = expired.id
    where m.id = any (array(select unnest(message_ids) from expired))
    order by m.id
    for no key update of m
),
decided as materialized (
    select message.*,
           case
               -- A callback has told its SID, and the list has not given that to an equal text meanwhile.
               when twilio_sid is not null
                    and not exists (select from herald.sms_send_attempts a
                                    where a.sid = message.twilio_sid and a.message_id <> message.id)
                   then 'proven'
               when attempt_count + 1 < max_attempts and {unknown_policy} = 'at_least_once' then 'again'
               else 'unknown'
           end as step
    from message
),
doubted as (
    update herald.sms_messages m
    set status = case decided.step when 'proven' then m.status when 'again' then 'pending' else 'unknown' end,
        attempt_count = m.attempt_count + 1,
        twilio_sid = case when decided.step = 'proven' then m.twilio_sid end,
        next_retry_at = case when decided.step = 'again' then now() end,
        batch_id = null,
        updated_at = now()
    from decided
    where m.id = decided.id
),
ledger as (
    insert into herald.sms_send_attempts
        (message_id, attempt, batch_id, worker, started_at, finished_at, outcome, reason, sid, resolved_by, resolved_at, resolve_at)
    select id, last_attempt, batch_id, worker, claimed_at, now(),
           case step when 'proven' then 'accepted' else 'unknown' end, 'lease_expired', case step when 'proven' then twilio_sid end,
           case step when 'proven' then 'callback' when 'again' then 'policy' end,
           case when step <> 'unknown' then now() end,
           -- Its request may have begun at any time up to the end of the lease.
           case when step = 'unknown' then now() + times.decision_wait end
    from decided
    cross join herald.protocol_times times
),
delivery as (
    update herald.notification_deliveries d
    set status = 'queued', updated_at = now()
    from decided
    where decided.step = 'unknown' and d.id = decided.notification_delivery_id and d.status = 'pending'
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
    select decided.id, 'send_sms', rank.priority, now(), decided.last_attempt + 1
    from decided
    join unnest($1, $2) as rank (name, priority) on rank.name = decided.priority
    where decided.step = 'again'
),
closed as (
    delete from herald.dispatch_batches b using expired where b.id = expired.id
)
-- Beside the count: what Twilio has, whose failure was told while the batch was held, and is followed up now.
select (count(*) filter (where step = 'unknown'))::integer,
       coalesce(array_agg(id) filter (where is_open), '{}'),
       coalesce(array_agg(twilio_sid) filter (where is_open), '{}')
from decided
cross join lateral (
    select step = 'proven' and (status in ('failed', 'undelivered')
        or exists (select from herald.twilio_callbacks o where o.result = 'orphan' and o.message_sid = twilio_sid)) as is_open
) follow_up
