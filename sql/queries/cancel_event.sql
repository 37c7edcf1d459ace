-- Cancels what still waits of one event. Deleting the queue row decides: a claim deletes it too, and only one can. $1 event
with wanted as materialized (
    select m.id, m.status
    from herald.notification_deliveries d
    join herald.sms_messages m on m.notification_delivery_id = d.id
    where d.event_id = $1
),
job as (
    delete from herald.queue_jobs q using wanted
    where q.subject_id = wanted.id and q.job_type = 'send_sms'
    returning wanted.id
),
message as (
    update herald.sms_messages m
    set status = 'cancelled', cancel_reason = 'requested', updated_at = now()
    from job
    where m.id = job.id and m.status in ('scheduled', 'pending')
    returning m.id, m.notification_delivery_id
),
delivery as (
    update herald.notification_deliveries d
    set status = 'cancelled', updated_at = now()
    from message
    where d.id = message.notification_delivery_id
),
-- In the application: what nobody could see yet.
shown as materialized (
    select n.id, n.delivery_id, n.visible_from > now() as is_ahead
    from herald.notification_deliveries d
    join herald.user_notifications n on n.delivery_id = d.id
    where d.event_id = $1 and d.channel = 'in_app'
),
unshown as (
    delete from herald.user_notifications n using shown where n.id = shown.id and shown.is_ahead returning n.id
),
unmade as (
    update herald.notification_deliveries d
    set status = 'cancelled', sent_at = null, delivered_at = null, updated_at = now()
    from shown
    where d.id = shown.delivery_id and shown.is_ahead
)
select ((select count(*) from message) + (select count(*) from unshown))::integer as cancelled,
       ((select count(*) from wanted where wanted.status <> 'cancelled' and wanted.id not in (select id from message))
        + (select count(*) from shown where not is_ahead))::integer as too_late
