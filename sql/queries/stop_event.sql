-- The first half of cancelling an event: from here on nothing more is fanned out. It waits for a chunk that is being
-- written, in the order in which the fan-out takes its locks; the second half then sees what that chunk wrote. $1 event
with fan_out_job as (
    delete from herald.queue_jobs where subject_id = $1 and job_type = 'fan_out' returning subject_id
)
update herald.notification_events
set status = 'cancelled'
where id = $1 and (select count(*) from fan_out_job) >= 0
returning id
