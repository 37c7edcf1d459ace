-- Quarantined events, mended and released.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.new', 'test.text', 'task.due_soon');
call test.subscriber(2, 'test.new');
create view test.quarantine as select event_type, status, problems, priority, template_id is not null as has_template from herald.notification_events order by id;

select * from test.error('select release_notification_event(test.person(1))');
-- Its type is registered meanwhile: on its way, through the fan-out.
select emit_notification_event('test.new', payload => '{"message": "hello"}', priority => 'urgent') as event \gset
select release_notification_event(:'event');
select * from test.quarantine;
call test.type('test.new');
select release_notification_event(:'event');
select * from test.quarantine;
select job_type, priority, wakes from herald.queue_jobs;
select deliveries, done from fan_out_notification_events();
select person, status, body, priority from test.deliveries order by person;
select * from test.error(format('select release_notification_event(%L)', :'event'));
-- For one person it goes to that person.
select emit_notification_event('test.text', payload => '{"message": "for one"}', target_user_id => test.person(1)) as event \gset
insert into herald.notification_event_types (event_type, template_key) values ('test.text', 'text');
select release_notification_event(:'event');
select event_type, status, problems from herald.notification_events where id = :'event';
insert into herald.sms_templates (template_key, name, message_template) values ('text', 'Text', 'Text: {{message}}');
select release_notification_event(:'event');
select deliveries, done from fan_out_notification_events();
select person, status, body from test.deliveries where event_id = :'event';
-- Two chunks' worth of people do not make a second delivery.
select deliveries, done from fan_out_notification_events();
-- What cannot be mended stays, and can be cancelled.
select emit_notification_event('task.due_soon', payload => '{"correlation_id": "x"}') as event \gset
select release_notification_event(:'event');
select status, problems from herald.notification_events where id = :'event';
select * from cancel_notification_event(:'event');
-- A priority that was none becomes normal.
select emit_notification_event('test.text', payload => '{"message": "extreme"}', priority => 'extreme') as event \gset
select release_notification_event(:'event');
select status, problems, priority from herald.notification_events where id = :'event';
select deliveries, done from fan_out_notification_events();
-- Expired or scheduled, it is as if it had been right at once.
select emit_notification_event('test.later', payload => '{"message": "over"}', expires_at => now()) as expired \gset
select emit_notification_event('test.later', payload => '{"message": "later"}', scheduled_for => now() + interval '1 day') as scheduled \gset
call test.type('test.later');
insert into herald.notification_subscriptions (user_id, event_type) values (test.person(1), 'test.later');
select release_notification_event(:'expired'), release_notification_event(:'scheduled');
select deliveries, done from fan_out_notification_events(5);
select status, reason, message from test.deliveries where event_id in (:'expired', :'scheduled') order by status;
