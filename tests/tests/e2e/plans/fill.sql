-- People {from} to {to}: each is subscribed, and has one event with its delivery and a text that was tried once and waits;
-- half of the texts are due. Triggers and foreign keys rest meanwhile: the rows are right as they are, and there are many.
set session_replication_role = replica;
set synchronous_commit = off;
create or replace function pg_temp.id(kind integer, n integer) returns uuid language sql immutable as
    $$ select ('01900000-0000-7000-800' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid $$;
insert into herald.user_notification_preferences (id, user_id, sms_enabled)
select pg_temp.id(5, n), pg_temp.id(0, n), true from generate_series({from}, {to}) as n;
insert into herald.user_sms_preferences
    (id, user_id, phone_number, phone_verified, phone_verified_at, quiet_hours_start, quiet_hours_end, daily_sms_limit)
select pg_temp.id(6, n), pg_temp.id(0, n), '+1' || 2010000000 + n, true, now(), '00:00', '00:00', 1000000 from generate_series({from}, {to}) as n;
insert into herald.notification_subscriptions (id, user_id, event_type)
select pg_temp.id(7, n), pg_temp.id(0, n), 'task.due_soon' from generate_series({from}, {to}) as n;
insert into herald.notification_events (id, event_type, event_source, target_user_id, dedup_key, priority, status, created_at)
select pg_temp.id(1, n), 'task.due_soon', 'api_action', pg_temp.id(0, n), 'key ' || n, 'normal', 'fanned_out', now() - interval '1 day'
from generate_series({from}, {to}) as n;
insert into herald.notification_deliveries (id, event_id, recipient_user_id, channel, channel_identifier, created_at)
select pg_temp.id(2, n), pg_temp.id(1, n), pg_temp.id(0, n), 'sms', '+1' || 2010000000 + n, now() - interval '1 day'
from generate_series({from}, {to}) as n;
insert into herald.sms_messages
    (id, user_id, phone_number, message_content, notification_delivery_id, last_attempt, attempt_count, created_at)
select pg_temp.id(3, n), pg_temp.id(0, n), '+1' || 2010000000 + n, 'Text ' || n, pg_temp.id(2, n), 1, 1, now() - interval '1 day'
from generate_series({from}, {to}) as n;
insert into herald.queue_jobs (subject_id, job_type, priority, run_at, attempt)
select pg_temp.id(3, n), 'send_sms', 10, now() + make_interval(secs => n % 2 * 7200 - 3600), 2 from generate_series({from}, {to}) as n;
insert into herald.sms_send_attempts (message_id, attempt, started_at, finished_at, outcome, sid, http_status)
select pg_temp.id(3, n), 1, now() - interval '1 day', now() - interval '1 day', 'accepted', 'SM' || lpad(n::text, 32, '0'), 201
from generate_series({from}, {to}) as n;
insert into herald.twilio_callbacks (id, message_id, attempt, message_sid, message_status, params, result)
select pg_temp.id(4, n), pg_temp.id(3, n), 1, 'SM' || lpad(n::text, 32, '0'), 'undelivered', '{}', 'applied'
from generate_series({from}, {to}) as n;
reset session_replication_role;
