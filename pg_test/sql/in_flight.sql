-- A callback may come before the answer to its request: until the result is written, SID and failure belong to the text on its way.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.subscriber(2);
call test.type('test.plain');

-- Equal texts: one is in doubt, of the other Twilio has told already.
call test.queue(2, 'doubt');
select body from test.claim(1);
select * from test.complete(1, test.result('doubt', 'unknown', '{"reason": "reset"}'));
update herald.sms_send_attempts set resolve_at = now();
call test.queue(2, 'flight');
select body from test.claim(1);
select * from test.record(test.callback('flight', test.sid(1), 'sent'));
select body, status, has_sid from test.messages order by body;
select * from herald_owned_sids(array[test.sid(1), test.sid(2)]);
-- A look that began earlier and takes the SID for the other's changes nothing.
select m.message_content as body, c.outcome
from (select jsonb_agg(jsonb_build_object('claim_id', claim_id, 'message_id', message_id, 'attempt', attempt, 'verdict', 'found',
                                          'sid', test.sid(1), 'status', 'sending')) as results
      from claim_unknown_sms_messages(10) where settle) look
cross join complete_unknown_sms_messages(look.results) c
join herald.sms_messages m on m.id = c.message_id;
select m.message_content as body, a.outcome, a.sid, a.resolve_at is not null as in_doubt
from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id;
select * from test.complete(1, test.result('flight', 'accepted', jsonb_build_object('sid', test.sid(1))));
select * from herald_owned_sids(array[test.sid(1), test.sid(2)]);

-- A failure that was told while the text is in its batch is not the last word: nobody puts it in line a second time.
select emit_notification_event('test.plain', payload => '{"message": "held"}') is not null;
select body from test.claim(1);
select * from test.record(test.callback('held', test.sid(3), 'undelivered', 30008));
select body, status, is_queued from test.messages where body = 'held';
select count(*) from requeue_sms_messages((select array_agg(id) from herald.sms_messages where message_content = 'held'));
select left(error, 5) from herald.notification_deliveries d, test.error(format('select retry_notification_delivery(%L)', d.id)) error;
select body, status, is_queued from test.messages where body = 'held';
-- Its result decides, and here it goes again by itself.
select * from test.complete(1, test.result('held', 'accepted', jsonb_build_object('sid', test.sid(3))));
select body, status, is_queued from test.messages where body = 'held';
select outcome, sid from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id where message_content = 'held';

-- A failure told late, of a text that waits for its next attempt, leaves the text in line; a person may put it there once more.
update herald.queue_jobs set run_at = now();
select body, attempt from test.claim(1);
select * from test.complete(1, test.result('held', 'not_sent', '{"reason": "connect"}'));
select * from test.record(test.callback('held', test.sid(4), 'failed', 30008, 2));
select body, status, is_queued from test.messages where body = 'held';
select retry_notification_delivery(d.id) is not null from herald.notification_deliveries d;
update herald.queue_jobs set run_at = now();
select body, attempt from test.claim(1);
