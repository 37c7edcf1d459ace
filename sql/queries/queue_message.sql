-- One text outside of any event.
-- $1 id, $2 user, $3 number, $4 text, $5 priority, $6 queue rank, $7 scheduled for, $8 metadata, $9 encoding, $10 segments,
-- $11 by an administrator, $12 wake the daemons
with message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, status, priority, scheduled_for, metadata, encoding, segments, by_admin)
    values ($1, $2, $3, $4, case when $7 > now() then 'scheduled' else 'pending' end, $5, $7, $8, $9, $10, $11)
)
insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
values ($1, 'send_sms', $6, greatest(now(), $7), $12 and coalesce($7 <= now(), true))
