-- Preferences and subscriptions: read, changed, and refused with a reason that a program can read.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
insert into herald.notification_event_types (event_type, admin_only) values ('test.admin', true);
create function test.set(n integer, changes jsonb) returns setof text language sql as $$
    select case when answer ->> 'success' = 'true'
                then (select string_agg(key || ' = ' || (answer -> key)::text, ', ' order by key) from jsonb_object_keys(changes) as key)
                else (answer - 'error')::text end
    from set_notification_preferences(test.person(n), changes) as answer
$$;

-- Somebody we have never heard of has the defaults of the tables, and reading writes nothing.
select jsonb_pretty(get_notification_preferences(test.person(1)));
select count(*) from herald.user_notification_preferences;
select get_notification_preferences(test.person(1)) as before \gset
insert into herald.user_notification_preferences (user_id) values (test.person(1));
insert into herald.user_sms_preferences (user_id) values (test.person(1));
select get_notification_preferences(test.person(1)) = :'before' as same;

-- What is named changes, the rest stays.
select * from test.set(1, '{"email_enabled": true, "in_app_enabled": true, "max_per_day": 3}');
select * from test.set(1, '{"email_enabled": false, "quiet_hours_start": "22:30", "quiet_hours_end": "06:45:30", "timezone": "Europe/Berlin", "daily_sms_limit": 0}');
select * from test.set(1, '{"priority": "high", "urgent_alerts": false, "urgent_bypass_quiet_hours": false, "batch_enabled": true, "batch_interval_minutes": 30, "max_per_hour": 1, "push_enabled": true, "should_email_daily_brief": true, "event_reminders_enabled": false, "event_reminder_lead_time_minutes": 5, "morning_kickoff_enabled": true, "morning_kickoff_time": "07:15", "evening_recap_enabled": true}');
select jsonb_pretty(get_notification_preferences(test.person(1)));
select * from test.set(1, '{"max_per_day": null, "max_per_hour": null, "batch_interval_minutes": null, "morning_kickoff_time": null}');
select * from test.set(1, '{"locale": "pt-BR"}');
select * from test.set(1, '{"locale": null}');
select * from test.error($$select test.set(1, '{"locale": "Portuguese"}')$$);
select * from test.error($$select test.set(1, '{"locale": "d3"}')$$);
select * from test.set(1, '{}');
select * from test.set(1, '{"quiet_hours_enabled": false}');
select quiet_hours_start, quiet_hours_end from herald.user_sms_preferences where user_id = test.person(1);
select * from test.error($$select test.set(1, '{"quiet_hours_enabled": true}')$$);
select * from test.set(1, '{"quiet_hours_enabled": true, "quiet_hours_start": "21:00", "quiet_hours_end": "08:00"}');

-- Texts: without a number, without its proof, after an opt-out; nothing changes then.
select set_notification_preferences(test.person(2), '{"sms_enabled": true, "email_enabled": true}');
select * from test.set(2, '{"should_sms_daily_brief": true}');
select * from test.set(2, '{"events": {"test.plain": {"is_active": true, "sms_enabled": true}}}');
select count(*) from herald.user_notification_preferences where user_id = test.person(2);
select * from test.set(2, '{"sms_enabled": false, "should_sms_daily_brief": false}');
select start_phone_verification(test.person(2), test.phone(2)) is not null as started;
select get_notification_preferences(test.person(2)) -> 'phone' as phone;
select * from test.set(2, '{"sms_enabled": true}');
call test.subscriber(3);
select * from test.set(3, '{"sms_enabled": true, "should_sms_daily_brief": true}');
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(3);
select * from test.set(3, '{"sms_enabled": true}');
update herald.user_sms_preferences set phone_verified = true, opted_out = true, opted_out_at = '2026-01-01', opt_out_reason = 'inbound_stop' where user_id = test.person(3);
select * from test.set(3, '{"sms_enabled": true}');
select * from test.set(3, '{"sms_enabled": false}');
select get_notification_preferences(test.person(3)) -> 'phone' -> 'opted_out' as opted_out;

-- Bad values.
select * from test.error($$select test.set(1, '[]')$$);
select * from test.error($$select test.set(1, '{"sms": true}')$$);
select * from test.error($$select test.set(1, '{"phone_verified": true}')$$);
select * from test.error($$select test.set(1, '{"opted_out": false}')$$);
select * from test.error($$select test.set(1, '{"email_enabled": "yes"}')$$);
select * from test.error($$select test.set(1, '{"email_enabled": null}')$$);
select * from test.error($$select test.set(1, '{"daily_sms_limit": -1}')$$);
select * from test.error($$select test.set(1, '{"daily_sms_limit": null}')$$);
select * from test.error($$select test.set(1, '{"max_per_day": 1.5}')$$);
select * from test.error($$select test.set(1, '{"batch_interval_minutes": 0}')$$);
select * from test.error($$select test.set(1, '{"max_per_day": 99999999999}')$$);
select * from test.error($$select test.set(1, '{"priority": "medium"}')$$);
select * from test.error($$select test.set(1, '{"quiet_hours_start": "24:00"}')$$);
select * from test.error($$select test.set(1, '{"quiet_hours_start": "9:00"}')$$);
select * from test.error($$select test.set(1, '{"quiet_hours_start": "09:60"}')$$);
select * from test.error($$select test.set(1, '{"quiet_hours_enabled": false, "quiet_hours_start": "21:00"}')$$);
select split_part(e, chr(10), 1) as error
from unnest('{Mars/Phobos,FOO+3,<+03>-3,posix/Europe/Berlin,localtime,europe/berlin,"",EST5EDT4}'::text[]) as zone,
     test.error(format('select test.set(1, %L)', jsonb_build_object('timezone', zone))) as e
where e not like 'HINT%';
select * from test.error($$select test.set(1, '{"timezone": 1}')$$);
select * from test.set(1, '{"timezone": "America/Argentina/Buenos_Aires"}');
select * from test.set(1, '{"timezone": null}');

-- Subscriptions.
call test.subscriber(4);
select subscribe(test.person(4), 'test.plain');
select subscribe(test.person(4), 'test.plain', '{"project": 1}', p_sms => true, p_email => false, p_created_by => test.person(9));
select subscribe(test.person(4), 'test.plain') = subscribe(test.person(4), 'test.plain') as the_same;
select count(*) from herald.notification_subscriptions;
select subscribe(test.person(5), 'test.plain', p_sms => true) - 'error';
select subscribe(test.person(5), 'test.plain', p_in_app => true);
select * from test.set(5, '{"events": {"test.plain": {"in_app_enabled": null, "filters": {"a": {"b": [1]}}}}}');
select * from test.set(4, '{"events": {"test.plain": {"is_active": false, "sms_enabled": false}}}');
select * from test.set(4, '{"events": {"test.plain": {"is_active": true}}}');
select unsubscribe(test.person(4), 'test.plain'), unsubscribe(test.person(4), 'test.plain'), unsubscribe(test.person(6), 'test.none');
select is_active from herald.notification_subscriptions where user_id = test.person(4);
select * from test.error($$select subscribe(test.person(4), 'test.none')$$);
select * from test.error($$select subscribe(test.person(4), 'test.plain', '[]')$$);
select * from test.error($$select test.set(4, '{"events": []}')$$);
select * from test.error($$select test.set(4, '{"events": {"test.plain": true}}')$$);
select * from test.error($$select test.set(4, '{"events": {"test.plain": {"sms": true}}}')$$);
select * from test.error($$select test.set(4, '{"events": {"test.plain": {"is_active": null}}}')$$);
select * from test.error($$select test.set(4, '{"events": {"test.none": {"is_active": true}}}')$$);
select * from test.error($$select test.set(4, '{"events": {"task.urgent": {"email_enabled": true}}}')$$);

-- An override is what emit goes by.
call test.subscriber(7, 'test.plain');
select * from test.set(7, '{"events": {"test.plain": {"sms_enabled": false}}}');
select emit_notification_event('test.plain', payload => '{"message": "one"}', target_user_id => test.person(7)) is not null as ok;
select * from test.set(7, '{"sms_enabled": false, "events": {"test.plain": {"sms_enabled": true}}}');
select emit_notification_event('test.plain', payload => '{"message": "two"}', target_user_id => test.person(7)) is not null as ok;
select unsubscribe(test.person(7), 'test.plain');
select * from test.claim(1);
select status, reason, body from test.deliveries where person = 7 order by event_id;

-- Event types of administrators are theirs.
select subscribe(test.person(4), 'test.admin') - 'error';
select * from test.set(4, '{"events": {"test.admin": {"is_active": true}}}');
create or replace view herald.recipients as
    select user_id, null::text as email, null::text as name, user_id = test.person(4) as is_admin, 'UTC' as timezone from herald.user_sms_preferences;
select subscribe(test.person(4), 'test.admin');
select subscribe(test.person(5), 'test.admin') - 'error';
