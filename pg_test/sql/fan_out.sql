-- Broadcasts to many: emit writes the event alone, the daemon fans it out in chunks.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');
call test.subscriber(3, 'test.plain');
call test.subscriber(4, 'test.plain');
call test.subscriber(5, 'test.plain');
create view test.events as
    select payload ->> 'message' as body, status, test.number(fan_out_cursor) as cursor, fan_out_count as count from herald.notification_events;

-- Nothing waits.
select * from fan_out_notification_events();
select * from test.error('select fan_out_notification_events(0)');
select * from test.error('select fan_out_notification_events(1001)');

-- As many as the limit: at once. One more: later, in chunks of the limit.
select herald_set_setting('inline_fan_out_limit', '5');
select emit_notification_event('test.plain', payload => '{"message": "at once"}') is not null as ok;
select * from test.events;
select person, status from test.deliveries order by person;
select herald_set_setting('inline_fan_out_limit', '2');
select emit_notification_event('test.plain', payload => '{"message": "in chunks"}', priority => 'low') as event \gset
select * from test.events order by body;
select job_type, priority, wakes from herald.queue_jobs where subject_id = :'event';
select deliveries, done from fan_out_notification_events();
select * from test.events order by body;
select deliveries, done from fan_out_notification_events(10);
select deliveries, done from fan_out_notification_events(10);
select deliveries, done from fan_out_notification_events(10);
select * from test.events order by body;
select person, status, body, priority from test.deliveries where event_id = :'event' order by person;
-- A whole number of chunks ends with an empty one.
delete from herald.notification_subscriptions where user_id = test.person(5);
select emit_notification_event('test.plain', payload => '{"message": "whole chunks"}') is not null as ok;
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
-- One meant is never deferred.
select emit_notification_event('test.plain', payload => '{"message": "one"}', target_user_id => test.person(1)) is not null as ok;
select * from test.events where body = 'one';
-- Limit 0: always later, chunk by chunk.
select herald_set_setting('inline_fan_out_limit', '0');
select emit_notification_event('test.plain', payload => '{"message": "later"}') as event \gset
select deliveries, done from fan_out_notification_events();
-- The world changes between the chunks: the gate speaks for each, and filters and subscriptions are those of now.
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
update herald.notification_subscriptions set is_active = false where user_id = test.person(3);
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select person, status, reason from test.deliveries where event_id = :'event' order by person;
update herald.user_sms_preferences set opted_out = false;
update herald.notification_subscriptions set is_active = true;

-- The most urgent event first; one that is not finished ends the call.
select herald_set_setting('inline_fan_out_limit', '1');
select emit_notification_event('test.plain', payload => '{"message": "low"}', priority => 'low') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "urgent"}', priority => 'urgent') is not null as ok;
select deliveries, done from fan_out_notification_events(10);
select * from test.events where body in ('low', 'urgent') order by body;
select herald_set_setting('inline_fan_out_limit', '3');
select deliveries, done from fan_out_notification_events(10);
select deliveries, done from fan_out_notification_events(10);
select deliveries, done from fan_out_notification_events(10);
select * from test.events where body in ('low', 'urgent') order by body;

-- Cancelled in the middle: what waits is taken back, nothing more is written.
select emit_notification_event('test.plain', payload => '{"message": "cancelled"}') as event \gset
select deliveries, done from fan_out_notification_events();
select cancelled, too_late from cancel_notification_event(:'event');
select deliveries, done from fan_out_notification_events();
select * from test.events where body = 'cancelled';
select person, status, message from test.deliveries where event_id = :'event' order by person;
-- Cancelled before the first chunk.
select emit_notification_event('test.plain', payload => '{"message": "cancelled at once"}') as event \gset
select cancelled, too_late from cancel_notification_event(:'event');
select deliveries, done from fan_out_notification_events();
select * from test.events where body = 'cancelled at once';

-- A scheduled broadcast is fanned out at once and sent when it is time.
select emit_notification_event('test.plain', payload => '{"message": "scheduled"}', scheduled_for => now() + interval '1 day') as event \gset
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select d.person, d.status, d.message, q.run_at > now() + interval '23 hours' as tomorrow
from test.deliveries d join herald.sms_messages m on m.notification_delivery_id = (select id from herald.notification_deliveries x where x.event_id = d.event_id and test.number(x.recipient_user_id) = d.person)
join herald.queue_jobs q on q.subject_id = m.id
where d.event_id = :'event' order by d.person;

-- The text is that of the template version emit found, whatever came after.
insert into herald.sms_templates (template_key, name, message_template) values ('versions', 'V', 'First {{n}}');
insert into herald.notification_event_types (event_type, template_key) values ('test.versions', 'versions');
insert into herald.notification_subscriptions (user_id, event_type) select test.person(n), 'test.versions' from generate_series(1, 4) n;
select emit_notification_event('test.versions', payload => '{"n": 1}') as event \gset
insert into herald.sms_templates (template_key, version, name, message_template) values ('versions', 2, 'V', 'Second {{n}}');
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select person, body from test.deliveries where event_id = :'event' order by person;

-- Rolled back, nothing waits.
begin;
select emit_notification_event('test.plain', payload => '{"message": "rolled back"}') is not null as ok;
rollback;
select deliveries, done from fan_out_notification_events();

-- An event that was deleted while it waited does not hold up the next.
select emit_notification_event('test.plain', payload => '{"message": "deleted"}') as event \gset
select emit_notification_event('test.plain', payload => '{"message": "next"}') is not null as ok;
delete from herald.notification_events where id = :'event';
select deliveries, done from fan_out_notification_events();
select * from test.events where body = 'next';
select count(*) from herald.queue_jobs where job_type = 'fan_out';
