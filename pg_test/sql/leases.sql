-- Leases: renewed by their worker, and what becomes of messages whose worker has gone.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create procedure test.expire() language sql as $$ update herald.dispatch_batches set lease_until = now() - interval '1 second' $$;

-- Renewed for the worker that holds it, and nobody else.
call test.queue(1, 'a');
call test.queue(1, 'b');
select body from test.claim(1, 1);
select body from test.claim(2, 1);
update herald.dispatch_batches set lease_until = now() + interval '1 second';
select count(*) from extend_dispatch_leases(test.worker(1), (select array_agg(id) from herald.dispatch_batches));
select worker = test.worker(1) as first, lease_until > now() + interval '80 seconds' as renewed from herald.dispatch_batches order by worker;
select count(*) from extend_dispatch_leases(test.worker(1), '{}');
select count(*) from extend_dispatch_leases(test.worker(1), array[test.person(1)]);
select b.id = e as same from extend_dispatch_leases(test.worker(2), (select array_agg(id) from herald.dispatch_batches)) e, herald.dispatch_batches b where worker = test.worker(2);

-- Nothing is over.
select expire_dispatch_leases();
-- A lease that is over can be renewed as long as nobody noticed, and a result counts.
call test.expire();
select count(*) from extend_dispatch_leases(test.worker(1), (select array_agg(id) from herald.dispatch_batches));
select * from test.complete(2, test.result('b', 'accepted', '{"sid": "SMb"}'));

-- Over: what was asked is in doubt and is never sent again blindly. What is settled stays.
select emit_notification_event('test.plain', payload => '{"message": "of an event"}') is not null as ok;
call test.queue(1, 'done');
call test.queue(1, 'callback first');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('done', 'accepted', '{"sid": "SMdone"}'));
select result from test.record(test.callback('callback first', 'SMc', 'sent'));
call test.expire();
select expire_dispatch_leases();
select expire_dispatch_leases();
select * from test.messages order by body;
select m.message_content as body, a.attempt, a.outcome, a.reason, a.sid, a.resolved_by, a.resolved_at is not null as resolved, a.worker = test.worker(1) as worker
from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id order by 1;
select count(*) from herald.dispatch_batches;
select * from test.claim(3);
-- Its worker comes back: the lease is lost, nothing is written.
select * from test.complete(1, test.result('a', 'accepted', '{"sid": "SMa"}'), test.result('of an event', 'not_sent'), test.result('callback first', 'unknown'));
select body, status, attempts, has_sid from test.messages order by body;
select count(*) from extend_dispatch_leases(test.worker(1), (select array_agg(batch_id) from test.claims));
-- A callback settles what is in doubt.
select result from test.record(test.callback('a', 'SMa', 'delivered'));
select body, status, has_sid from test.messages where body = 'a';
select outcome, resolved_by, sid from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id where message_content = 'a';

-- Several batches of several workers at once; none, when the time is not over.
call test.queue(1, 'c');
select body from test.claim(1);
call test.queue(1, 'd');
select body from test.claim(2);
call test.queue(1, 'e');
select body from test.claim(3);
update herald.dispatch_batches set lease_until = now() - interval '1 second' where worker in (test.worker(1), test.worker(2));
select expire_dispatch_leases();
select body, status from test.messages where body in ('c', 'd', 'e') order by body;
select state, messages from herald_queue_stats() where state in ('unknown', 'in_flight') order by state;

-- A failure that Twilio told while the batch was held is followed up when the lease ends: one that may pass goes again.
call test.queue(1, 'failed while held');
call test.queue(1, 'refused while held');
select count(*) from test.claim(4);
select result from test.record(test.callback('failed while held', 'SMf', 'undelivered', 30008), test.callback('refused while held', 'SMr', 'undelivered', 30006));
update herald.dispatch_batches set lease_until = now() - interval '1 second' where worker = test.worker(4);
select expire_dispatch_leases();
select message_content as body, status, attempt_count, next_retry_at is not null as goes_again, batch_id is null as free
from herald.sms_messages where message_content like '% while held' order by 1;
select message_content as body, job_type, attempt from herald.queue_jobs j join herald.sms_messages m on m.id = j.subject_id
where message_content like '% while held' order by 1;

-- A callback told a held text's SID, and an equal text in doubt was given the same one: it belongs to one of them, and the lease
-- ends all the same. The other one is in doubt.
call test.queue(1, 'was given it');
select count(*) from test.claim(5);
select * from test.complete(5, test.result('was given it', 'unknown'));
call test.queue(1, 'was told it');
select count(*) from test.claim(6);
select result from test.record(test.callback('was told it', 'SMone', 'sent'));
select resolve_sms_message(id, 'accepted', 'SMone') from herald.sms_messages where message_content = 'was given it';
update herald.dispatch_batches set lease_until = now() - interval '1 second' where worker = test.worker(6);
select expire_dispatch_leases();
select message_content as body, m.status, m.twilio_sid, a.outcome, a.sid, a.resolve_at is not null as in_doubt
from herald.sms_messages m join herald.sms_send_attempts a on a.message_id = m.id where message_content like 'was % it' order by 1;
