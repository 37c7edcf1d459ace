-- Finding people, and a test that only those named get.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
create table test.people (user_id uuid, email varchar(80), name text, is_admin boolean);
insert into test.people values
    (test.person(1), 'ada@example.org', 'Ada Lovelace', true),
    (test.person(2), 'grace@example.org', 'Grace Hopper', false),
    (test.person(3), 'percent%sign@example.org', 'A_B', false),
    (test.person(4), null, null, null),
    (test.person(5), 'back\slash@example.org', 'O''Brien; drop table x', false),
    (test.person(6), 'new@example.org', 'Adam', false);
create or replace view herald.recipients as
    select user_id, email::text, name, is_admin, 'UTC' as timezone from test.people;
call test.subscriber(1, 'test.plain');
call test.subscriber(2);
call test.subscriber(3);
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(3);
create function test.search(text text, event_type text default null, most integer default 20) returns setof text language sql as $$
    select concat_ws(' ', test.number(id), email, name, case when is_admin then '[admin]' end, case when has_phone then '[phone]' end,
                     case when is_subscribed_to_event then '[subscribed]' end)
    from search_notification_recipients(text, event_type, most)
$$;

select * from test.search('', 'test.plain');
select * from test.search(null);
select * from test.search('ADA');
select * from test.search(' lovelace ');
select * from test.search('example', most => 2);
-- What is typed is text, not a pattern and not SQL.
select * from test.search('%');
select * from test.search('_');
select * from test.search('\');
select * from test.search('''brien; drop');
select * from test.search(test.person(4)::text);
select * from test.search('nobody');
select * from test.error($$select * from search_notification_recipients('', null, 0)$$);
select * from test.error($$select * from search_notification_recipients('', null, 101)$$);
select * from test.error($$select * from search_notification_recipients('', null, null)$$);
update herald.notification_subscriptions set is_active = false;
select * from test.search('Ada', 'test.plain');

-- A test reaches those named and nobody else, subscribed or not.
call test.subscriber(7, 'test.plain');
create function test.try(payload jsonb, variadic people integer[]) returns table (person integer, has_text boolean, reason text, events bigint) language sql as $$
    select test.number(recipient_user_id), message_id is not null, reason, count(*) over (partition by event_id)
    from send_test_notification('test.plain', array(select test.person(n) from unnest(people) n), payload, test.person(9))
$$;
select * from test.try('{"message": "a test"}', 1, 2, 3, 4, 1);
select body, to_number, priority from test.claim(1);
select event_type, test.number(actor_user_id) as actor, status, payload, metadata - 'test_recipients' as metadata, jsonb_array_length(metadata -> 'test_recipients') as named from herald.notification_events;
select test.number(user_id) as person, message_content, metadata ->> 'test_mode' as test_mode, metadata ->> 'event_type' as event_type from herald.sms_messages;
select count(*) from herald.notification_deliveries;
-- The gate decides once more.
select * from test.try('{"message": "too late"}', 1);
update herald.user_sms_preferences set opted_out = true where user_id = test.person(1);
select * from test.claim(1);
select body, status, reason from test.messages order by body;
select herald_set_setting('allowed_country_prefixes', '["+44"]');
select * from test.try('{"message": "abroad"}', 7);

-- Never a broadcast, never without a text.
select * from test.error($$select * from send_test_notification('test.plain', '{}')$$);
select * from test.error($$select * from send_test_notification('test.plain', null)$$);
select * from test.error($$select * from send_test_notification('test.plain', array[null]::uuid[])$$);
select * from test.error($$select * from send_test_notification('test.plain', array(select test.person(n) from generate_series(1, 21) n))$$);
select * from test.error($$select * from send_test_notification('test.plain', array[test.person(1)])$$);
select * from test.error($$select * from send_test_notification('test.none', array[test.person(1)])$$);
select * from test.error($$select * from send_test_notification(null, array[test.person(1)])$$);
select * from test.error($$select * from send_test_notification('test.plain', array[test.person(1)], '[]')$$);
