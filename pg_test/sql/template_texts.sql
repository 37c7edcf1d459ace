-- Templates for those who write them: what is refused, what a text looks like before it is sent, and how it is made to fit.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.fits');

-- What cannot be read is refused when it is written.
select * from test.error($$insert into herald.sms_templates (template_key, name, message_template) values ('bad', 'B', 'Hello {{name')$$);
select * from test.error($$insert into herald.sms_templates (template_key, name, message_template) values ('bad', 'B', 'Hello {{na me}}')$$);
select * from test.error($$insert into herald.sms_templates (template_key, name, message_template, required_vars) values ('bad', 'B', 'Hello', '["a", 5]')$$);
select * from test.error($$insert into herald.sms_templates (template_key, name, message_template, required_vars) values ('bad', 'B', 'Hello', '["a b"]')$$);
select * from test.error($$select check_template('Hello }}')$$);
select * from test.error($$select check_template('Hello', '{"a": 1}')$$);
select check_template('Hello {{task.name}} {{x|}}', '["task", "task.name"]'), check_template('Hello', null);
select count(*) from herald.sms_templates where template_key = 'bad';

-- A preview: whole, with something missing, in another language, shortened.
insert into herald.sms_templates (template_key, locale, version, name, message_template, required_vars, max_length) values
    ('fits', 'en', 1, 'Fits', 'Old', '[]', 160),
    ('fits', 'en', 2, 'Fits', '{{task}} is due {{when|today}}. https://example.com/{{id}} Reply STOP to opt out', '["id"]', 90),
    ('fits', 'de', 1, 'Passt', 'Fällig: {{task}}', '[]', 160),
    ('fits', 'pt-BR', 1, 'Serve', 'Vence: {{task}} ç', '[]', 160);
\x
select * from preview_template('fits', '{"task": "Milk", "id": 7}');
select * from preview_template('fits', '{"when": "soon"}');
select * from preview_template('fits');
select * from preview_template('fits', null);
select body, locale, version from preview_template('fits', '{"task": "Milch"}', 'de-AT');
select body, encoding, locale from preview_template('fits', '{"task": "Leite"}', 'PT-br');
select body, locale from preview_template('fits', '{"task": "Lait", "id": 1}', 'fr');
select * from preview_template('fits', '{"task": "Buy oat milk, bread, six eggs and a bag of the good coffee", "id": 7}');
\x
select * from test.error($$select preview_template('nothing')$$);
insert into herald.sms_templates (template_key, name, message_template, max_length) values ('link', 'Link', '{{link}}', 20);
select * from test.error($$select preview_template('link', '{"link": "https://example.com/far/too/long"}')$$);

-- What is sent is what the preview shows, and the event says that it was shortened.
insert into herald.notification_event_types (event_type, template_key) values ('test.fits', 'fits');
select emit_notification_event('test.fits', '{"task": "Buy oat milk, bread, six eggs and a bag of the good coffee", "id": 7}'::jsonb) as event \gset
select status, problems from herald.notification_events where id = :'event';
select d.body = p.body as same, d.body
from test.deliveries d, preview_template('fits', '{"task": "Buy oat milk, bread, six eggs and a bag of the good coffee", "id": 7}') p where event_id = :'event';
-- A link that is too long by itself is not cut.
insert into herald.notification_event_types (event_type, template_key) values ('test.link', 'link');
select emit_notification_event('test.link', '{"link": "https://example.com/far/too/long"}'::jsonb) as event \gset
select status, problems from herald.notification_events where id = :'event';
-- Nothing hides in a value.
select emit_notification_event('test.fits', jsonb_build_object('task', U&'pay\200Bpal\2028x\+0E0061', 'id', 1)) as event \gset
select body from test.deliveries where event_id = :'event';
-- A number is written as the payload has it, at once and when the daemon fans out.
select herald_set_setting('inline_fan_out_limit', '0');
select emit_notification_event('test.fits', '{"task": 1.50, "id": 12345678901234567890123}'::jsonb) as event \gset
select done from fan_out_notification_events();
select body from test.deliveries where event_id = :'event';
