-- The texts of an event that was due when sending was armed anew: the database that this one succeeds may have fanned it out and
-- sent them, so each is in doubt before it may go, whenever it is due now. $1 event,
-- $2 its cursor before this chunk
with suspect as materialized (
    select q.subject_id, q.attempt, m.notification_delivery_id, m.user_id, m.by_admin, m.phone_number, e.created_at as made_at
    from herald.notification_events e
    join herald.notification_deliveries d on d.event_id = e.id
    join herald.sms_messages m on m.notification_delivery_id = d.id
    join herald.queue_jobs q on q.subject_id = m.id and q.job_type = 'send_sms'
    where e.id = $1 and ($2 is null or d.recipient_user_id > $2) and m.last_attempt = 0 and m.status in ('scheduled', 'pending')
    order by m.id
    for update of q, m
),
{quarantine}
select count(*) from suspect
