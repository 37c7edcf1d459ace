-- Puts the failed message of a delivery back in line, with one more attempt. $1 delivery, $2/$3 priorities and their places in
-- the queue, $4 wake the daemons
with message as (
    update herald.sms_messages m
    set status = 'pending', max_attempts = greatest(m.max_attempts, m.attempt_count + 1), next_retry_at = now(),
        failed_at = null, updated_at = now()
    where m.notification_delivery_id = $1 and m.status in ('failed', 'undelivered')
    returning m.id, m.priority, m.last_attempt
),
delivery as (
    update herald.notification_deliveries d
    set status = 'pending', max_attempts = greatest(d.max_attempts, d.attempts + 1), failed_at = null, updated_at = now()
    where d.id = $1 and exists (select from message)
)
insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt, wakes)
select message.id, 'send_sms', rank.priority, now(), message.last_attempt + 1, $4
from message
join unnest($2, $3) as rank (name, priority) on rank.name = message.priority
-- A failure may have been told while the text waited for its next attempt.
on conflict (subject_id) do update set run_at = excluded.run_at, wakes = excluded.wakes
returning subject_id
