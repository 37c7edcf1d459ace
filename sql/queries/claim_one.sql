-- Takes one text that the gate and its person's limits let go into a batch: what claim.sql writes for such a text.
-- $1 worker, $2 batch, $3 message, $4 attempt, $5 number, $6 the person's row, $7 and $8 whether its counts are those of this day
-- and of this hour, $9 after which time it is too late (infinity = never)
with taken as (
    delete from herald.queue_jobs q where q.subject_id = $3
),
written as (
    update herald.sms_messages m
    set status = 'queued', phone_number = $5, batch_id = $2, last_attempt = $4, twilio_sid = null, twilio_status = null,
        twilio_error_code = null, twilio_error_message = null, error_category = null, next_retry_at = null, updated_at = now()
    where m.id = $3
),
reserved as (
    update herald.user_sms_preferences p
    set daily_sms_count = case when $7 then p.daily_sms_count else 0 end + 1,
        daily_count_reset_at = case when $7 then p.daily_count_reset_at else now() end,
        daily_type_counts = case when $7 then p.daily_type_counts else '{}' end,
        hourly_sms_count = case when $8 then p.hourly_sms_count else 0 end + 1,
        hourly_count_reset_at = case when $8 then p.hourly_count_reset_at else now() end
    where p.id = $6
)
insert into herald.dispatch_batches (id, worker, lease_until, message_ids, open_messages)
select $2, $1, now() + make_interval(secs => (value #>> '{}')::integer), array[$3], 1
from herald.settings
where name = 'lease_seconds'
returning lease_until, {validity} as validity_seconds
