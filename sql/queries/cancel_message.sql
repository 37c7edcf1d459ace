-- Cancels one text if it still waits. Deleting the queue row decides: a claim deletes it too, and only one can.
-- $1 message
with job as (
    delete from herald.queue_jobs where subject_id = $1 and job_type = 'send_sms' returning subject_id
),
message as (
    update herald.sms_messages m
    set status = 'cancelled', cancel_reason = 'requested', updated_at = now()
    from job
    where m.id = job.subject_id and m.status in ('scheduled', 'pending')
    returning m.notification_delivery_id
),
delivery as (
    update herald.notification_deliveries d
    set status = 'cancelled', updated_at = now()
    from message
    where d.id = message.notification_delivery_id
)
select (select count(*) from message)::integer as cancelled,
       (m.status <> 'cancelled' and not exists (select from message))::integer as too_late
from herald.sms_messages m
where m.id = $1
