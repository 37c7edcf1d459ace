-- {rows} due texts of broadcasts to {people} people, and as many that were delivered in the last month.
-- One transaction that empties the tables first: with wal_level = minimal nothing of it goes through the WAL.
begin;
set local session_replication_role = replica;
set local work_mem = '256MB';
truncate herald.notification_events, herald.notification_deliveries, herald.sms_messages, herald.queue_jobs,
         herald.sms_send_attempts, herald.dispatch_batches, herald.twilio_callbacks, herald.user_notifications;
insert into herald.notification_events (id, event_type, event_source, payload, priority, status, created_at)
select ('000000' || lpad(to_hex(n), 2, '0') || '-0000-7000-8000-000000000000')::uuid, 'task.due_soon', 'api_action',
       '{"task_name": "Water the plants", "due_time": "5 pm"}', 'high', 'fanned_out', now() - interval '2 hours'
from generate_series(0, {rows} / {people}) n;
insert into herald.sms_messages
    (id, user_id, phone_number, message_content, status, priority, segments, encoding, sent_at, delivered_at, twilio_sid,
     twilio_status, attempt_count, last_attempt, created_at, updated_at)
select (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000001')::uuid,
       ('00000000-0000-7000-8000-' || lpad((n % {people} + 1)::text, 12, '0'))::uuid, '+1201' || lpad((n % {people} + 1)::text, 7, '0'),
       U&'\23F0 Water the plants is due 5 pm', 'delivered', 'high', 1, 'UCS-2', moment, moment, 'SM' || lpad(to_hex(n), 32, '0'),
       'queued', 1, 1, moment, moment
from generate_series(1, {rows}) n
cross join lateral (select now() - interval '30 days' + n * interval '0.2 s' as moment offset 0) at;
insert into herald.sms_send_attempts (message_id, attempt, started_at, finished_at, outcome, sid, http_status)
select (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000001')::uuid, 1, moment, moment, 'accepted',
       'SM' || lpad(to_hex(n), 32, '0'), 201
from generate_series(1, {rows}) n
cross join lateral (select now() - interval '30 days' + n * interval '0.2 s' as moment offset 0) at;
insert into herald.notification_deliveries
    (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier, status, external_id, created_at)
select (lpad(to_hex({rows} + n), 8, '0') || '-0000-7000-8000-000000000002')::uuid,
       ('000000' || lpad(to_hex(n / {people}), 2, '0') || '-0000-7000-8000-000000000000')::uuid, null,
       ('00000000-0000-7000-8000-' || lpad((n % {people} + 1)::text, 12, '0'))::uuid, 'sms', '+1201' || lpad((n % {people} + 1)::text, 7, '0'),
       'pending', lpad(to_hex({rows} + n), 8, '0') || '-0000-7000-8000-000000000001', moment
from generate_series(1, {rows}) n
cross join lateral (select now() - interval '2 hours' + n * interval '1 ms' as moment offset 0) at;
insert into herald.sms_messages
    (id, user_id, phone_number, message_content, status, priority, segments, encoding, notification_delivery_id, created_at, updated_at)
select (lpad(to_hex({rows} + n), 8, '0') || '-0000-7000-8000-000000000001')::uuid,
       ('00000000-0000-7000-8000-' || lpad((n % {people} + 1)::text, 12, '0'))::uuid, '+1201' || lpad((n % {people} + 1)::text, 7, '0'),
       U&'\23F0 Water the plants is due 5 pm', 'pending', 'high', 1, 'UCS-2',
       (lpad(to_hex({rows} + n), 8, '0') || '-0000-7000-8000-000000000002')::uuid, moment, moment
from generate_series(1, {rows}) n
cross join lateral (select now() - interval '2 hours' + n * interval '1 ms' as moment offset 0) at;
insert into herald.queue_jobs (subject_id, job_type, priority, run_at)
select (lpad(to_hex({rows} + n), 8, '0') || '-0000-7000-8000-000000000001')::uuid, 'send_sms', 5,
       now() - interval '2 hours' + n * interval '1 ms'
from generate_series(1, {rows}) n;
commit;
