-- The channel in_app: written at once, read, dismissed, announced, cancelled.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
insert into herald.notification_event_types (event_type, description, default_channels) values
    ('test.app', 'Something happened', '{in_app,sms,email,push}'), ('test.only', '', '{in_app}');
call test.subscriber(1, 'test.app', 'test.only');
call test.subscriber(2, 'test.app', 'test.only');
update herald.user_notification_preferences set in_app_enabled = true, email_enabled = true where user_id = test.person(1);
create function test.list(person integer, unread boolean default false) returns table (title text, body text, action_url text, priority text, is_read boolean) language sql as
    $$ select title, body, action_url, priority, read_at is not null from get_user_notifications(test.person(person), 10, null, unread) $$;
create function test.entry(person integer, body text) returns uuid language sql as
    $$ select id from herald.user_notifications where user_id = test.person(person) and user_notifications.body = entry.body $$;

-- Written in the transaction of the event, for whom the gate lets it pass; the other channels are decided as ever.
select emit_notification_event('test.app', '{"message": "Hello", "action_url": "/tasks/1"}'::jsonb) as event \gset
select person, channel, status, reason, message from test.deliveries where event_id = :'event' order by person, channel;
select d.status, d.sent_at = d.delivered_at as at_once, d.external_id = n.id::text as known, n.event_id = d.event_id as same_event
from herald.notification_deliveries d join herald.user_notifications n on n.delivery_id = d.id;
select * from test.list(1);
select * from test.list(2);
-- Title and link from the payload; what could trick the reader goes.
select count(emit_notification_event('test.only', payload, priority => 'high')) from (values
    (jsonb_build_object('message', 'One', 'title', U&'Ti\202Etle\200B', 'action_url', 'https://example.com/x')),
    ('{"message": "Two", "title": "", "action_url": "javascript:alert(1)"}'),
    ('{"message": "Three", "action_url": "//evil.example.com"}'),
    ('{"message": "Four", "action_url": "https://example.com/a b"}')) as v (payload);
select * from test.list(1);
select count(*) as texts from herald.sms_messages;

-- Read, all read, dismissed.
select count_unread_notifications(test.person(1)), count_unread_notifications(test.person(2));
select mark_notification_read(test.person(1), test.entry(1, 'Hello')) as now, mark_notification_read(test.person(1), test.entry(1, 'Hello')) as again;
select status, opened_at is not null as opened from herald.notification_deliveries where event_id = :'event' and channel = 'in_app' and recipient_user_id = test.person(1);
select * from test.error($$select mark_notification_read(test.person(2), test.entry(1, 'One'))$$);
select * from test.error($$select dismiss_notification(test.person(2), test.entry(1, 'One'))$$);
select body from test.list(1, true);
select dismiss_notification(test.person(1), test.entry(1, 'One')) as now, dismiss_notification(test.person(1), test.entry(1, 'One')) as again;
select mark_notification_read(test.person(1), test.entry(1, 'One'));
select body, is_read from test.list(1);
select count_unread_notifications(test.person(1));
select mark_all_notifications_read(test.person(1)), mark_all_notifications_read(test.person(2));
select count_unread_notifications(test.person(1));
select body from get_user_notifications(test.person(1), 2);
select body from get_user_notifications(test.person(1), 10, test.entry(1, 'Three'));
select * from test.error('select get_user_notifications(test.person(1), 0)');

-- Not before its time, not after it, and taken back while nobody has seen it.
select emit_notification_event('test.only', '{"message": "Later"}'::jsonb, scheduled_for => now() + interval '1 hour') as later \gset
select emit_notification_event('test.only', '{"message": "Short"}'::jsonb, expires_at => now() + interval '1 hour') as short \gset
select emit_notification_event('test.only', '{"message": "Over"}'::jsonb, expires_at => now() - interval '1 hour') as over \gset
select body from test.list(1, true);
update herald.user_notifications set expires_at = now() where body = 'Short';
select body from test.list(1, true);
select channel, status, reason from test.deliveries where event_id = :'over' and person = 1;
select * from cancel_notification_event(:'later');
select channel, status from test.deliveries where event_id = :'later' and person = 1;
select count(*) from herald.user_notifications where body = 'Later';
select * from cancel_notification_event(:'short');

-- In the daemon's chunks it is the same.
select herald_set_setting('inline_fan_out_limit', '0');
select emit_notification_event('test.app', '{"message": "In chunks", "title": "T"}'::jsonb) as event \gset
select count(*) as chunks from generate_series(1, 4), fan_out_notification_events();
select person, channel, status, reason from test.deliveries where event_id = :'event' order by person, channel;
select title, body from test.list(1, true) where body = 'In chunks';
select herald_set_setting('inline_fan_out_limit', '1000');

-- Announced only when somebody asked for it, and not where nothing may be announced: a transaction that has announced
-- something cannot be prepared.
begin;
select emit_notification_event('test.only', '{"message": "Quiet"}'::jsonb) is not null as ok;
prepare transaction 'herald_in_app';
rollback prepared 'herald_in_app';
select herald_set_setting('in_app_notify', '1');
begin;
select emit_notification_event('test.only', '{"message": "Aloud"}'::jsonb) is not null as ok;
prepare transaction 'herald_in_app';
begin;
set local pg_herald.notify = off;
select emit_notification_event('test.only', '{"message": "Not this"}'::jsonb) is not null as ok;
prepare transaction 'herald_in_app';
rollback prepared 'herald_in_app';

-- Its story.
select step, detail from why(:'event', test.person(1)) where channel = 'in_app';
select mark_notification_read(test.person(1), test.entry(1, 'In chunks'));
select dismiss_notification(test.person(1), test.entry(1, 'In chunks'));
select step, detail from why(:'event', test.person(1)) where channel = 'in_app';
-- It goes with its event.
delete from herald.notification_events where id = :'event';
select count(*) from herald.user_notifications where body = 'In chunks';
