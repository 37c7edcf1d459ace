-- The texts: the ten seeded ones filled from payloads, versions, and that a version never changes.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'brief.completed', 'brief.failed', 'task.due_soon', 'urgent.alert', 'project.milestone',
    'task.reminder', 'task.urgent', 'brief.ready', 'user.welcome', 'user.signup', 'test.plain', 'test.nested');
create or replace view herald.recipients as
    select user_id, null::text as email, null::text as name, true as is_admin, 'UTC' as timezone from herald.user_sms_preferences;

select template_key, locale, version, required_vars, max_length, is_active, is_builtin from herald.sms_templates order by template_key;

create temp table payload (event_type text, payload jsonb);
insert into payload values
    ('brief.completed', '{"brief_date": "2026-02-03", "task_count": 7}'),
    ('brief.failed', '{}'),
    ('task.due_soon', '{"task_name": "Milk", "due_time": "5 pm"}'),
    ('urgent.alert', '{"alert_message": "Disk full"}'),
    ('project.milestone', '{"milestone_name": "Beta", "project_name": "Herald"}'),
    ('task.reminder', '{"task_name": "Milk", "due_time": "5 pm", "task_context": "Oat."}'),
    ('task.reminder', '{"task_name": "Milk", "due_time": "5 pm"}'),
    ('task.urgent', '{"task_name": "Milk", "due_date": "today"}'),
    ('brief.ready', '{"main_focus": "tests"}'),
    ('user.welcome', '{}'),
    ('user.signup', '{"user_email": "a@example.com", "signup_method": "password"}');
select count(emit_notification_event(event_type, payload => payload)) from payload;
select e.event_type, m.message_content, m.encoding, m.segments, t.template_key
from herald.sms_messages m
join herald.notification_deliveries d on d.id = m.notification_delivery_id
join herald.notification_events e on e.id = d.event_id
join herald.sms_templates t on t.id = m.template_id
order by e.event_type collate "C", m.message_content collate "C";
-- Each variable is required.
select count(emit_notification_event(event_type, payload => payload - key)) from payload, jsonb_object_keys(payload) as key
where key <> 'task_context';
select e.event_type, p.problem, count(*) from herald.notification_events e, unnest(e.problems) as p (problem)
group by 1, 2 order by 1, 2;

-- A nested value, a default, numbers and truths as words; control characters do not get through.
insert into herald.sms_templates (template_key, name, message_template)
values ('nested', 'Nested', '{{task.name}}/{{task.list.0}}/{{count}}/{{done}}/{{who|somebody}}');
insert into herald.notification_event_types (event_type, template_key) values ('test.nested', 'nested');
select emit_notification_event('test.nested', payload => '{"task": {"name": "Mi\u0007lk\u202e", "list": ["first"]}, "count": 1.50, "done": true}') as event \gset
select body from test.deliveries where event_id = :'event';
-- A placeholder in a value stays what it is.
select emit_notification_event('test.nested', payload => '{"task": {"name": "{{count}}", "list": ["x"]}, "count": 1, "done": false, "who": "you"}') as event \gset
select body from test.deliveries where event_id = :'event';

-- The next version is used from now on; taken out of use, the one before.
insert into herald.sms_templates (template_key, version, name, message_template) values ('nested', 2, 'Nested', 'Second: {{count}}');
select emit_notification_event('test.nested', payload => '{"count": 2}') as event \gset
select body from test.deliveries where event_id = :'event';
update herald.sms_templates set is_active = false where template_key = 'nested' and version = 2;
select emit_notification_event('test.nested', payload => '{"task": {"name": "n", "list": ["l"]}, "count": 3, "done": true}') as event \gset
select body from test.deliveries where event_id = :'event';
update herald.sms_templates set is_active = false where template_key = 'nested';
select emit_notification_event('test.nested', payload => '{"count": 4}') as event \gset
select status, problems from herald.notification_events where id = :'event';

-- Another language is the text only where it is the default.
insert into herald.sms_templates (template_key, locale, name, message_template) values ('nested', 'de', 'Nested', 'Deutsch: {{count}}');
select emit_notification_event('test.nested', payload => '{"count": 5}') as event \gset
select status, problems from herald.notification_events where id = :'event';
select herald_set_setting('default_locale', '"de"');
select emit_notification_event('test.nested', payload => '{"count": 6}') as event \gset
select body from test.deliveries where event_id = :'event';
select herald_set_setting('default_locale', '"en"');

-- A type without template: the payload's own message.
call test.type('test.plain');
select emit_notification_event('test.plain', payload => '{"message": "As it is: {{x}} ü €"}') as event \gset
select d.body, m.encoding, m.segments, m.template_id from test.deliveries d join herald.sms_messages m on m.message_content = d.body
where event_id = :'event';

-- What was written stays written.
select * from test.error($$update herald.sms_templates set message_template = 'Other' where template_key = 'nested' and version = 1 and locale = 'en'$$);
select * from test.error($$update herald.sms_templates set version = 7 where template_key = 'nested' and version = 2$$);
select * from test.error($$update herald.sms_templates set template_key = 'other' where template_key = 'nested' and version = 2$$);
select * from test.error($$update herald.sms_templates set locale = 'fr' where template_key = 'nested' and version = 2$$);
select * from test.error($$update herald.sms_templates set required_vars = '["x"]' where template_key = 'nested' and version = 2$$);
select * from test.error($$update herald.sms_templates set is_builtin = false where template_key = 'welcome_sms'$$);
select * from test.error($$delete from herald.sms_templates where template_key = 'welcome_sms'$$);
select * from test.error($$insert into herald.sms_templates (template_key, name, message_template) values ('welcome_sms', 'x', 'y')$$);
-- The rest may change.
update herald.sms_templates set name = 'Hello', description = 'New', is_active = false, max_length = 70 where template_key = 'welcome_sms';
select emit_notification_event('user.welcome') as event \gset
select status, problems from herald.notification_events where id = :'event';
insert into herald.sms_templates (template_key, version, name, message_template) values ('welcome_sms', 2, 'Hello', 'Welcome!');
select emit_notification_event('user.welcome') as event \gset
select body from test.deliveries where event_id = :'event';
