-- The gate: every reason not to send, at emit and again at claim, where it binds.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
insert into herald.notification_event_types (event_type) values ('test.plain');
insert into herald.notification_event_types (event_type, admin_only) values ('test.admin', true);
call test.subscriber(1, 'test.plain', 'test.admin');
call test.subscriber(2);
create table test.admins (user_id uuid);
insert into test.admins values (test.person(1));
create or replace view herald.recipients as
    select user_id, null::text as email, null::text as name, user_id in (select user_id from test.admins) as is_admin, 'UTC' as timezone
    from herald.user_sms_preferences;

-- A change of the world, what emit says then, and what claim says when it comes in between.
create table test.worlds (place serial, name text, change text);
insert into test.worlds (name, change) values
    ('as it should be', 'select 1'),
    ('type off', $$update herald.notification_event_types set is_active = false where event_type = 'test.plain'$$),
    ('type gone', $$delete from herald.notification_event_types where event_type = 'test.plain'$$),
    ('subscription off', $$update herald.notification_subscriptions set is_active = false$$),
    ('subscription gone', $$delete from herald.notification_subscriptions$$),
    ('channel off', $$update herald.user_notification_preferences set sms_enabled = false$$),
    ('channel off for the type', $$update herald.notification_subscriptions set sms_enabled = false$$),
    ('preferences gone', $$delete from herald.user_notification_preferences$$),
    ('number gone', $$update herald.user_sms_preferences set phone_verified = false, phone_number = null where user_id = test.person(1)$$),
    ('text preferences gone', $$delete from herald.user_sms_preferences where user_id = test.person(1)$$),
    ('not verified', $$update herald.user_sms_preferences set phone_verified = false where user_id = test.person(1)$$),
    ('opted out', $$update herald.user_sms_preferences set opted_out = true where user_id = test.person(1)$$),
    ('opted out under another name', $$update herald.user_sms_preferences set opted_out = true, phone_verified = false,
        phone_number = test.phone(1) where user_id = test.person(2)$$),
    ('country not allowed', $$select herald_set_setting('allowed_country_prefixes', '["+44", "+1212"]')$$),
    ('no country allowed', $$select herald_set_setting('allowed_country_prefixes', '[]')$$),
    ('number changed', $$update herald.user_sms_preferences set phone_number = '+14155559999' where user_id = test.person(1)$$),
    ('number changed to another country', $$update herald.user_sms_preferences set phone_number = '+4915155559999' where user_id = test.person(1)$$);

-- Each world lives in a subtransaction that is undone.
create function test.in_world(change text, changed_before_emit boolean, out delivery text, out reason text, out message text, out sent_to text)
language plpgsql as $$
declare
    event uuid;
begin
    begin
        if changed_before_emit then execute change; end if;
        event := emit_notification_event('test.plain', payload => '{"message": "hello"}', target_user_id => test.person(1));
        if not changed_before_emit then execute change; end if;
        select c.to_number into sent_to from test.claim(1) c;
        select d.status, d.reason, d.message into delivery, reason, message from test.deliveries d where event_id = event;
        raise exception using errcode = 'P0099';
    exception when sqlstate 'P0099' then null;
    end;
end
$$;
select name, e.* from test.worlds, test.in_world(change, true) e order by place;
select name, c.* from test.worlds, test.in_world(change, false) c order by place;

-- Administrators only: no longer one at claim.
select emit_notification_event('test.admin', payload => '{"message": "for admins"}') as event \gset
delete from test.admins;
select * from test.claim(1);
select status, reason, message from test.deliveries where event_id = :'event';

-- Expired between emit and claim.
select emit_notification_event('test.plain', payload => '{"message": "short-lived"}', expires_at => now() + interval '1 hour') as event \gset
update herald.sms_messages set expires_at = now() where message_content = 'short-lived';
select * from test.claim(1);
select status, reason, message from test.deliveries where event_id = :'event';

-- The event was cancelled, but a fan-out wrote more of it.
select emit_notification_event('test.plain', payload => '{"message": "cancelled"}') as event \gset
update herald.notification_events set status = 'cancelled' where id = :'event';
select * from test.claim(1);
select status, reason, message from test.deliveries where event_id = :'event';

-- A text queued directly knows no type and no subscription, but a number, its proof and its opt-out.
create function test.queued_in_world(change text, out message text, out reason text, out sent_to text) language plpgsql as $$
begin
    begin
        call test.queue(1, 'direct');
        execute change;
        select c.to_number into sent_to from test.claim(1) c;
        select m.status, m.reason into message, reason from test.messages m where body = 'direct';
        raise exception using errcode = 'P0099';
    exception when sqlstate 'P0099' then null;
    end;
end
$$;
select name, c.* from test.worlds, test.queued_in_world(change) c order by place;

-- A text that an administrator sent to any number goes to that number, unless it has opted out.
select queue_sms_message(test.person(1), '+14155550100', 'by an administrator') is not null as ok;
select body, to_number from test.claim(1);
select queue_sms_message(test.person(1), '+14155550101', 'to somebody who opted out') is not null as ok;
insert into herald.user_sms_preferences (user_id, phone_number, opted_out) values (test.person(7), '+14155550101', true);
select queue_sms_message(test.person(1), '+4915155550100', 'abroad') is not null as ok;
select body, to_number from test.claim(1);
select body, status, reason, delivery from test.messages order by body;

-- What was suppressed waits no more and is never claimed again.
select count(*) from herald.queue_jobs;
