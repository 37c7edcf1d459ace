-- A text in the recipient's language, or the next best; composed once per language, not per recipient.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set client_min_messages = warning;
insert into herald.notification_event_types (event_type, template_key, default_channels) values ('test.hello', 'hello', '{sms,in_app}');
insert into herald.sms_templates (template_key, locale, version, name, message_template) values
    ('hello', 'en', 1, 'Hello', 'Hello {{name}}'),
    ('hello', 'de', 1, 'Hallo', 'Alt {{name}}'),
    ('hello', 'de', 2, 'Hallo', 'Grüß dich, {{name}}'),
    ('hello', 'pt', 1, 'Olá', 'Olá {{name}}'),
    ('hello', 'pt-BR', 1, 'Oi', 'Oi {{name}}, tudo bem?');
do $$ begin for n in 1..8 loop call test.subscriber(n, 'test.hello'); end loop; end $$;
update herald.user_notification_preferences p set locale = l.locale, in_app_enabled = n = 4
from (values (2, 'de'), (3, 'de-AT'), (4, 'pt-BR'), (5, 'pt-PT'), (6, 'fr'), (7, 'PT-br'), (8, 'en-GB')) as l (n, locale) where p.user_id = test.person(n);
select * from test.error($$update herald.user_notification_preferences set locale = 'German'$$) limit 1;

-- To everybody, to one, by the daemon in chunks.
create view test.texts as
    select test.number(m.user_id) as person, m.message_content, m.encoding, m.segments, t.locale, t.version
    from herald.sms_messages m left join herald.sms_templates t on t.id = m.template_id order by m.created_at, test.number(m.user_id);
select emit_notification_event('test.hello', '{"name": "Ada"}'::jsonb) is not null as ok;
select * from test.texts;
select title, body from get_user_notifications(test.person(4));
truncate herald.notification_events cascade;
select emit_notification_event('test.hello', '{"name": "Bob"}'::jsonb, target_user_id => test.person(n)) is not null as ok from unnest('{1,3,7}'::integer[]) n;
select * from test.texts;
truncate herald.notification_events cascade;
select herald_set_setting('inline_fan_out_limit', '3');
select emit_notification_event('test.hello', '{"name": "Eve"}'::jsonb) is not null as ok;
-- A text that is written between two chunks is not used for this event.
select deliveries, done from fan_out_notification_events();
insert into herald.sms_templates (template_key, locale, version, name, message_template) values ('hello', 'pt', 2, 'Olá', 'Nova {{name}}');
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select * from test.texts;
select herald_set_setting('inline_fan_out_limit', '1000');
truncate herald.notification_events cascade;

-- A language whose text lacks something of the payload is noted, and the default stands in.
insert into herald.sms_templates (template_key, locale, version, name, message_template) values ('hello', 'fr', 1, 'Salut', 'Salut {{prenom}}');
select emit_notification_event('test.hello', '{"name": "Mia"}'::jsonb) as event \gset
select status, problems from herald.notification_events where id = :'event';
select person, message_content, locale from test.texts where person in (1, 6);
-- Without a text in the default language there is none.
update herald.sms_templates set is_active = false where template_key = 'hello' and locale = 'en';
select emit_notification_event('test.hello', '{"name": "Zoe"}'::jsonb) as event \gset
select status, problems from herald.notification_events where id = :'event';
-- Explain shows each recipient's own.
update herald.sms_templates set is_active = true where template_key = 'hello' and locale = 'en';
select test.number(user_id) as person, channel, decision, reason, body from explain_notification_event('test.hello', '{"name": "Zoe"}'::jsonb) where channel = 'sms';
