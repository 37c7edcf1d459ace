-- Without problems the event waits for its fan-out; with problems it stays where it is and they are noted.
-- $1 event, $2 problems, $3 template version, $4 queue rank, $5 wake the daemons
with event as (
    update herald.notification_events
    set problems = $2,
        template_id = coalesce($3, template_id),
        status = case when cardinality($2) = 0 then 'fanning_out' else status end
    where id = $1
    returning id, status
)
insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
select id, 'fan_out', $4, now(), $5 from event where status = 'fanning_out'
