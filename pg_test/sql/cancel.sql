-- Cancelling, with a certain answer.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');
create function test.message(body text) returns uuid language sql as
    $$ select id from herald.sms_messages where message_content = body $$;

-- Unknown ids.
select * from test.error('select cancel_sms_message(test.person(1))');
select * from test.error('select cancel_notification_event(test.person(1))');

-- One text: waiting, again, scheduled, claimed, sent.
call test.queue(1, 'waiting');
select * from cancel_sms_message(test.message('waiting'));
select * from cancel_sms_message(test.message('waiting'));
select queue_sms_message(test.person(1), test.phone(1), 'scheduled', p_scheduled_for => now() + interval '1 day') is not null as ok;
select * from cancel_sms_message(test.message('scheduled'));
call test.queue(1, 'claimed');
select body from test.claim(1);
select * from cancel_sms_message(test.message('claimed'));
select * from test.complete(1, test.result('claimed', 'accepted', '{"sid": "SM1"}'));
select * from cancel_sms_message(test.message('claimed'));
-- One that waits for its next attempt.
call test.queue(1, 'retried');
select body from test.claim(1);
select * from test.complete(1, test.result('retried', 'not_sent'));
select * from cancel_sms_message(test.message('retried'));
-- A text of an event: the delivery too.
select emit_notification_event('test.plain', payload => '{"message": "of an event"}', target_user_id => test.person(1)) is not null as ok;
select * from cancel_sms_message(test.message('of an event'));
select body, status, reason, delivery, is_queued from test.messages order by body;

-- An event: two that wait, one that waits and one that is claimed, none any more.
select emit_notification_event('test.plain', payload => '{"message": "both wait"}') as event \gset
select * from cancel_notification_event(:'event');
select * from cancel_notification_event(:'event');
select person, status, message from test.deliveries where event_id = :'event' order by person;
select emit_notification_event('test.plain', payload => '{"message": "one is claimed"}') as event \gset
select count(*) from test.claim(1, 1);
select * from cancel_notification_event(:'event');
select status, message, count(*) from test.deliveries where event_id = :'event' group by 1, 2 order by 1;
select * from cancel_notification_event(:'event');
select status from herald.notification_events where id = :'event';
-- Suppressed deliveries are neither; an event for nobody has none.
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
select emit_notification_event('test.plain', payload => '{"message": "one is suppressed"}') as event \gset
select * from cancel_notification_event(:'event');
select person, status, reason from test.deliveries where event_id = :'event' order by person;
select emit_notification_event('test.plain', payload => '{"message": "x"}', target_user_id => test.person(9)) as event \gset
select * from cancel_notification_event(:'event');
-- A retry of what an event's cancelling came too late for does not go out: the gate sees to it.
select emit_notification_event('test.plain', payload => '{"message": "no retry"}') as event \gset
select body from test.claim(1);
select * from cancel_notification_event(:'event');
select * from test.complete(1, test.result('no retry', 'not_sent', '{"reason": "shutdown"}'));
select body from test.claim(1);
select body, status, reason, delivery from test.messages where body = 'no retry';
-- A quarantined event cannot be released any more.
select emit_notification_event('test.plain') as event \gset
select * from cancel_notification_event(:'event');
select * from test.error(format('select release_notification_event(%L)', :'event'));
-- Rolled back, it was never cancelled.
call test.queue(1, 'kept');
begin;
select * from cancel_sms_message(test.message('kept'));
rollback;
select body from test.claim(1);
