-- Event types, and people with everything that the gate may find in their way. Comes after setup.sql.
set client_min_messages = warning;
insert into herald.notification_event_types (event_type, default_channels, expires_after) values
    ('test.text', '{sms}', null), ('test.soon', '{sms}', '1 hour'), ('test.both', '{sms,in_app}', null),
    ('test.shown', '{in_app}', null), ('test.mail', '{email}', null);
insert into herald.notification_event_types (event_type, is_active) values ('test.off', false);
-- Who they are. Times are around now, so that the test may run at any time of day.
create table test.people (n integer primary key, what text);
insert into test.people values
    (1, 'takes texts'), (2, 'sleeps'), (3, 'sleeps, urgent ones wake'), (4, 'has opted out'), (5, 'has filters'),
    (6, 'does not subscribe'), (7, 'unsubscribed'), (8, 'not verified'), (9, 'without number'), (10, 'number is invalid'),
    (11, 'wants no texts'), (12, 'wants none but these'), (13, 'sleeps nobody knows where'), (14, 'in a country that may not'),
    (15, 'sleeps, no zone of their own');
do $$
declare
    person integer;
begin
    for person in select n from test.people loop
        call test.subscriber(person, 'test.text', 'test.soon', 'test.both', 'test.shown', 'test.mail', 'test.off');
    end loop;
end
$$;
begin;
set local session_replication_role = replica;
update herald.user_sms_preferences set quiet_hours_start = ((now() - interval '1 hour') at time zone 'UTC')::time,
       quiet_hours_end = ((now() + interval '2 hours') at time zone 'UTC')::time, timezone = 'UTC',
       urgent_bypass_quiet_hours = user_id <> test.person(2)
where user_id in (test.person(2), test.person(3), test.person(13), test.person(15));
update herald.user_sms_preferences set timezone = 'Mars/Olympus' where user_id = test.person(13);
update herald.user_sms_preferences set timezone = null where user_id = test.person(15);
update herald.user_sms_preferences set opted_out = true where user_id = test.person(4);
update herald.user_sms_preferences set phone_verified = false where user_id in (test.person(8), test.person(10));
update herald.user_sms_preferences set phone_invalid_reason = 'landline' where user_id = test.person(10);
update herald.user_sms_preferences set phone_number = null, phone_verified = false where user_id = test.person(9);
update herald.user_sms_preferences set phone_number = '+79991234567' where user_id = test.person(14);
commit;
update herald.notification_subscriptions set filters = '{"kind": "b"}' where user_id = test.person(5);
delete from herald.notification_subscriptions where user_id = test.person(6);
update herald.notification_subscriptions set is_active = false where user_id = test.person(7);
update herald.user_notification_preferences set in_app_enabled = true;
update herald.user_notification_preferences set sms_enabled = false where user_id in (test.person(11), test.person(12));
update herald.notification_subscriptions set sms_enabled = true where user_id = test.person(12);
create or replace view herald.recipients as
    select user_id, null::text as email, null::text as name, false as is_admin, 'Asia/Tokyo'::text as timezone from herald.user_sms_preferences;
reset client_min_messages;
