-- Whom an event reaches: subscriptions, filters, channels, overrides, administrators.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
create function test.emit(payload jsonb, target integer default null, event_type text default 'test.plain')
returns table (person integer, channel text, status text, reason text) language plpgsql as $$
declare
    event uuid := emit_notification_event(emit.event_type, payload => emit.payload, target_user_id => test.person(target));
begin
    return query select d.person, d.channel, d.status, d.reason from test.deliveries d where d.event_id = event order by 1, 2;
end
$$;

-- Nobody subscribed: nobody is told.
select * from test.emit('{"message": "a"}');
-- All subscribers, or the one meant; a stranger's subscription does not count, and none is none.
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');
call test.subscriber(3);
select * from test.emit('{"message": "a"}');
select * from test.emit('{"message": "b"}', 2);
select * from test.emit('{"message": "c"}', 3);
select * from test.emit('{"message": "d"}', 99);
-- An inactive subscription is as good as none.
update herald.notification_subscriptions set is_active = false where user_id = test.person(2);
select * from test.emit('{"message": "e"}');
select * from test.emit('{"message": "e"}', 2);
update herald.notification_subscriptions set is_active = true where user_id = test.person(2);

-- Filters: the payload must contain them.
update herald.notification_subscriptions set filters = '{"city": "Rome", "tags": ["a"]}' where user_id = test.person(2);
select * from test.emit('{"message": "f"}');
select * from test.emit('{"message": "f", "city": "Rome", "tags": ["b", "a"]}');
select * from test.emit('{"message": "f", "city": "Oslo", "tags": ["a"]}', 2);
select * from test.error($$update herald.notification_subscriptions set filters = '[]'$$) limit 1;
update herald.notification_subscriptions set filters = '{}';

-- The user's switch, and the subscription's own, either way.
update herald.user_notification_preferences set sms_enabled = false where user_id = test.person(1);
update herald.notification_subscriptions set sms_enabled = false where user_id = test.person(2);
select * from test.emit('{"message": "g"}');
update herald.notification_subscriptions set sms_enabled = true;
select * from test.emit('{"message": "h"}');
-- Without a row of preferences only the subscription's own switch lets anything through.
delete from herald.user_notification_preferences where user_id = test.person(1);
select * from test.emit('{"message": "i"}', 1);
update herald.notification_subscriptions set sms_enabled = null;
select * from test.emit('{"message": "j"}', 1);
-- No preferences for texts at all.
delete from herald.user_sms_preferences where user_id = test.person(2);
select * from test.emit('{"message": "k"}', 2);

-- Channels without an adapter are suppressed, and say so; a channel that is off says that; the application is its own.
call test.subscriber(4, 'test.channels');
insert into herald.notification_event_types (event_type, default_channels) values ('test.channels', '{sms,email,push,in_app}');
update herald.user_notification_preferences set email_enabled = true, in_app_enabled = true where user_id = test.person(4);
update herald.notification_subscriptions set email_enabled = false, push_enabled = true where user_id = test.person(4);
select * from test.emit('{"message": "l"}', event_type => 'test.channels');
select channel, channel_identifier from herald.notification_deliveries where recipient_user_id = test.person(4) order by channel;
-- A channel stands once in a list; there is always one.
select * from test.error($$update herald.notification_event_types set default_channels = '{sms,sms}'$$) limit 1;
select * from test.error($$update herald.notification_event_types set default_channels = '{}'$$) limit 1;
select * from test.error($$update herald.notification_event_types set default_channels = '{sms,null}'$$) limit 1;
select * from test.error($$update herald.notification_event_types set default_channels = '{pigeon}'$$) limit 1;

-- Types for administrators: the application's view of its people decides.
insert into herald.notification_event_types (event_type, admin_only) values ('test.admin', true);
call test.subscriber(5, 'test.admin');
call test.subscriber(6, 'test.admin');
select * from test.emit('{"message": "m"}', event_type => 'test.admin');
create or replace view herald.recipients as
    select user_id, 'x@example.com'::text as email, 'X'::text as name, user_id = test.person(6) as is_admin, 'UTC'::text as timezone
    from herald.user_sms_preferences;
select * from test.emit('{"message": "n"}', event_type => 'test.admin');
select * from test.emit('{"message": "o"}', 5, 'test.admin');

-- A type that is off: everybody is told why not.
update herald.notification_event_types set is_active = false where event_type = 'test.admin';
select * from test.emit('{"message": "p"}', event_type => 'test.admin');

-- Every delivery has a status, and those suppressed a reason; a text exists for those that go.
select status, suppress_reason is not null as has_reason, external_id is not null as has_text, count(*) > 0 as any
from herald.notification_deliveries group by 1, 2, 3 order by 1;
select count(*) from herald.notification_deliveries d left join herald.sms_messages m on m.id::text = d.external_id
where d.external_id is not null and d.channel = 'sms' and m.notification_delivery_id is distinct from d.id;
