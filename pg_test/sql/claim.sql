-- claim_sms_messages(): order, limits, batches, and what a claim changes.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');

-- Limits.
select * from test.error('select claim_sms_messages(test.worker(1), 0)');
select * from test.error('select claim_sms_messages(test.worker(1), -1)');
select * from test.error('select claim_sms_messages(test.worker(1), 10001)');
-- Nothing due: no row, no batch.
select * from test.claim(1);
select queue_sms_message(test.person(1), test.phone(1), 'tomorrow', 'urgent', now() + interval '1 day') is not null as ok;
select * from test.claim(1, 10000);
select count(*) from herald.dispatch_batches;

-- The most urgent first, then the oldest; no more than the limit; nobody gets one twice.
call test.queue(1, 'low 1', 'low');
call test.queue(1, 'normal 1');
call test.queue(1, 'urgent 1', 'urgent');
call test.queue(1, 'high 1', 'high');
call test.queue(1, 'normal 2');
call test.queue(1, 'urgent 2', 'urgent');
select * from test.claim(1, 3);
select * from test.claim(2, 2);
select * from test.claim(1);
select * from test.claim(2);
-- One batch a call, with a lease.
select b.worker = test.worker(1) as first_worker, cardinality(b.message_ids) as messages, b.open_messages,
       b.lease_until - b.claimed_at as lease, (select count(*) from herald.sms_messages m where m.batch_id = b.id) as members
from herald.dispatch_batches b order by b.id;
select body, status, delivery, attempts, is_queued from test.messages order by body;
select count(distinct lease_until) from herald.dispatch_batches;
-- The lease follows its setting.
select herald_set_setting('lease_seconds', '600');
call test.queue(1, 'long lease');
select extract(epoch from lease_until - now())::integer as seconds, validity_seconds, attempt, priority from claim_sms_messages(test.worker(1), 1);

-- A text of an event: its delivery is queued too, with the number it goes to.
select emit_notification_event('test.plain', payload => '{"message": "of an event"}') as event \gset
update herald.user_sms_preferences set phone_number = '+14155557777' where user_id = test.person(1);
select * from test.claim(1);
select d.status, d.channel_identifier, m.phone_number, m.last_attempt, m.status
from herald.notification_deliveries d join herald.sms_messages m on m.notification_delivery_id = d.id where d.event_id = :'event';

-- A number that changed back and forth is no new delivery.
select count(*) from herald.notification_deliveries where event_id = :'event';

-- A queue row whose message is gone goes too; one whose message Twilio has already is never sent again.
insert into herald.queue_jobs (subject_id, job_type, priority, run_at) values (test.person(99), 'send_sms', 10, now());
call test.queue(1, 'sent already');
select result from test.record(test.callback('sent already', 'SMx', 'sent'));
select * from test.claim(1);
select body, status, has_sid, is_queued from test.messages where body = 'sent already';
select count(*) from herald.queue_jobs where run_at <= now();

-- Rolled back, it was not claimed.
call test.queue(1, 'again');
begin;
select body from test.claim(1);
rollback;
select body, attempt from test.claim(1);

-- How much waits: due, waiting, in flight, unknown.
delete from herald.dispatch_batches;
call test.queue(1, 'due');
select state, priority, messages, oldest_age_seconds >= 0 as has_age from herald_queue_stats() order by state, priority;
select count(*) from test.claim(1);
select state, priority, messages from herald_queue_stats() where state <> 'waiting' order by state, priority;
select * from test.complete(1, test.result('due', 'unknown'));
select state, priority, messages from herald_queue_stats() where state <> 'waiting' order by state, priority;
select herald_next_due() between now() + interval '23 hours' and now() + interval '25 hours' as tomorrow;

-- What a daemon must know.
select schema_version = (select max(version) from herald.schema_version) as schema_version, extension_version = extversion as version,
       length(decode(callback_key, 'base64')) as key_bytes, lease_seconds, server_time >= now() as has_time, in_recovery
from herald_dispatcher_hello(test.worker(1), '0.0.1'), pg_extension where extname = 'pg_herald';
