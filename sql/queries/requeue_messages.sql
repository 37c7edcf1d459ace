-- Gives texts that failed for good another chance, with all their attempts. $1 messages, $2/$3 names and ranks of the priorities
with dead as materialized (
    select m.id, m.last_attempt, m.priority, m.notification_delivery_id
    from herald.sms_messages m
    where m.id = any ($1) and m.status in ('failed', 'undelivered')
      -- One whose result is still to be written has not failed for good: the result decides.
      and m.batch_id is null
    order by m.id
    for no key update
),
written as (
    update herald.sms_messages m
    set status = 'pending', attempt_count = 0, failed_at = null, next_retry_at = now(), updated_at = now()
    from dead
    where m.id = dead.id
),
delivery as (
    update herald.notification_deliveries d
    set status = 'pending', failed_at = null, attempts = 0, updated_at = now()
    from dead
    where d.id = dead.notification_delivery_id and d.status = 'failed'
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
    select dead.id, 'send_sms', rank.priority, now(), dead.last_attempt + 1
    from dead
    join unnest($2, $3) as rank (name, priority) on rank.name = dead.priority
    on conflict (subject_id) do nothing
)
select id from dead
