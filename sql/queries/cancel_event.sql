-- Cancels what still waits of one event. $1 event
with fan_out_job as (
    delete from herald.queue_jobs where subject_id = $1 and job_type = 'fan_out' returning subject_id
),
event as (
    update herald.notification_events
    set status = 'cancelled'
    where id = $1 and status <> 'cancelled'
      -- Waits for a chunk that is being written: the fan-out takes its locks in this order too.
      and (select count(*) from fan_out_job) >= 0
    returning id
),
wanted as materialized (
    select m.id, m.status, d.id as delivery_id
    from herald.notification_deliveries d
    join herald.sms_messages m on m.notification_delivery_id = d.id
    where d.event_id = $1
),
job as (
    delete from herald.queue_jobs q using wanted
    where q.subject_id = wanted.id and q.job_type = 'send_sms'
    returning wanted.id, wanted.delivery_id
),
message as (
    update herald.sms_messages m
    set status = 'cancelled', cancel_reason = 'requested', updated_at = now()
    from job
    where m.id = job.id
),
delivery as (
    update herald.notification_deliveries d
    set status = 'cancelled', updated_at = now()
    from job
    where d.id = job.delivery_id
)
select (select count(*) from job)::integer as cancelled,
       (select count(*) from wanted
        where wanted.status <> 'cancelled' and wanted.id not in (select id from job))::integer as too_late,
       exists (select from herald.notification_events where id = $1) as is_known
