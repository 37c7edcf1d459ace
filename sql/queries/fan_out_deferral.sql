fan_out_job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select source.event_id, 'fan_out', source.queue_rank, now(), source.wakes
    from source cross join event
    where source.status = 'fanning_out'
),
