-- Notes that a user was erased, and ends the fan-out of events that are still theirs. $1 user
with open as (
    update herald.user_erasures e
    set requested_at = now(), swept_at = now()
    where e.user_id = $1 and e.finished_at is null
    returning e.id
),
noted as (
    insert into herald.user_erasures (id, user_id)
    select {ext}.herald_uuid_v7(), $1 where not exists (select from open)
),
stopped as (
    update herald.notification_events e
    set status = 'cancelled'
    where e.target_user_id = $1 and e.status in ('fanning_out', 'quarantined')
    returning e.id
),
job as (
    delete from herald.queue_jobs q using stopped where q.subject_id = stopped.id and q.job_type = 'fan_out'
)
select count(*)::bigint, now() from stopped
