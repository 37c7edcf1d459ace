-- explain_notification_event and may_text: what would happen, without doing it.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
insert into herald.notification_event_types (event_type, default_channels, admin_only) values ('test.admin', '{sms,email}', true);
insert into herald.notification_event_types (event_type, strict) values ('test.strict', true);
call test.subscriber(1, 'test.plain', 'test.admin');
call test.subscriber(2, 'test.plain');
call test.subscriber(3, 'test.plain');
call test.subscriber(4);
call test.subscriber(5, 'test.plain');
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
update herald.user_sms_preferences set timezone = 'Asia/Tokyo', quiet_hours_start = '22:00', quiet_hours_end = '07:00' where user_id = test.person(3);
update herald.notification_subscriptions set filters = '{"city": "Oslo"}' where user_id = test.person(5);
select herald_set_setting('quiet_hours_spread_seconds', '0');
create function test.explain(event_type text, payload jsonb, target integer default null, priority text default null,
                             as_of timestamptz default '2026-06-01 12:00Z', scheduled_for timestamptz default null,
                             expires_at timestamptz default null, dedup_key text default null)
returns table (person integer, channel text, decision text, reason text, body text, encoding text, segments integer, send_at text) language sql as $$
    select test.number(e.user_id), e.channel, e.decision, e.reason, e.body, e.encoding, e.segments, to_char(e.send_at at time zone 'UTC', 'DD HH24:MI')
    from explain_notification_event(event_type, payload, case when target is not null then test.person(target) end, null, scheduled_for,
                                    dedup_key, priority, expires_at, as_of) e
$$;
-- It is 21 h in Tokyo; two hours later it is 23 h.
select * from test.explain('test.plain', '{"message": "hello"}');
select * from test.explain('test.plain', '{"message": "€ 5 ☂", "city": "Oslo"}', as_of => '2026-06-01 14:00Z');
select * from test.explain('test.plain', '{"message": "hello"}', 3, as_of => '2026-06-01 14:00Z', priority => 'urgent');
select * from test.explain('test.plain', '{"message": "hello"}', 3, scheduled_for => '2026-06-01 15:00Z');
select * from test.explain('test.plain', '{"message": "hello"}', 3, as_of => '2026-06-01 14:00Z', expires_at => '2026-06-01 20:00Z');
-- The one who did not subscribe, or whose filter does not match, is told of.
select * from test.explain('test.plain', '{"message": "hello"}', 4);
select * from test.explain('test.plain', '{"message": "hello"}', 99);
select * from test.explain('test.plain', '{"message": "hello"}', 5);
-- Every channel has its line.
select * from test.explain('test.admin', '{"message": "hello"}');
create or replace view herald.recipients as
    select test.person(1) as user_id, null::text as email, null::text as name, true as is_admin, 'UTC'::text as timezone;
select * from test.explain('test.admin', '{"message": "hello"}');
-- What does not get as far.
select person, decision, reason from test.explain('test.nothing', '{"message": "hello"}');
select person, decision, reason from test.explain('test.plain', '{}', priority => 'extreme');
select person, decision, reason from test.explain('test.strict', '[]');
select emit_notification_event('test.plain', '{"message": "hello"}'::jsonb, test.person(1), dedup_key => 'once') is not null as ok;
select person, decision, reason from test.explain('test.plain', '{"message": "hello"}', 1, dedup_key => 'once');
select person, decision, reason from test.explain('test.plain', '{"message": "other"}', 1, dedup_key => 'once');
select person, decision, reason from test.explain('test.plain', '{"message": "hello"}', 1, dedup_key => 'twice');
select * from test.error('select * from explain_notification_event(null, null)');

-- It says what limits would say, from the counts of now; a broadcast over a cap is counted down like a claim would.
update herald.user_sms_preferences set daily_sms_limit = 1 where user_id = test.person(1);
select body from test.claim(1);
select person, decision, reason, left(send_at, 2) = to_char((now() at time zone 'UTC')::date + 1, 'DD') as tomorrow from test.explain('test.plain', '{"message": "hello"}', 1, as_of => null);
select person, decision, reason from test.explain('test.plain', '{"message": "hello"}', 1, as_of => now() + interval '48 hours');
insert into herald.sms_caps (prefix, max_per_day) values ('+', 1);
update herald.user_sms_preferences set opted_out = false;
select person, decision, reason from test.explain('test.plain', '{"message": "hello", "city": "Oslo"}', as_of => '2036-06-01 05:00Z');
-- Caps count days of UTC, whatever the session's zone does in that night.
select person, reason, send_at from test.explain('test.plain', '{"message": "hello"}', as_of => '2036-11-02 05:00Z') where decision = 'defer';
delete from herald.sms_caps;

-- It has written nothing: neither rows nor counts nor locks.
select (select count(*) from herald.notification_events) as events, (select count(*) from herald.notification_deliveries) as deliveries,
       (select count(*) from herald.queue_jobs) as jobs, (select sum(daily_sms_count) from herald.user_sms_preferences) as counted;
begin read only;
select person, decision from test.explain('test.plain', '{"message": "hello"}', 3);
select decision from may_text(test.person(1));
commit;

-- may_text: as for a text queued directly.
create function test.may(n integer, at timestamptz default '2026-06-01 12:00Z', priority text default 'normal') returns text language sql as
    $$ select concat_ws(' ', decision, reason, to_char(until at time zone 'UTC', 'DD HH24:MI')) from may_text(test.person(n), at, priority) $$;
select test.may(1) as one, test.may(2) as two, test.may(99) as nobody;
select decision, reason, until > now() as later from may_text(test.person(1));
select test.may(3) as before, test.may(3, '2026-06-01 13:00Z') as quiet, test.may(3, '2026-06-01 12:59:30Z') as too_short,
       test.may(3, '2026-06-01 13:00Z', 'urgent') as urgent, test.may(3, '2026-06-01 22:00Z', null) as after;
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
update herald.user_sms_preferences set daily_sms_limit = 0 where user_id = test.person(5);
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(4);
select test.may(2) as two, test.may(4) as four, test.may(5) as five;
update herald.user_sms_preferences set timezone = 'Nowhere' where user_id = test.person(3);
select test.may(3) as three, test.may(3, priority => 'urgent') as urgent;
select herald_set_setting('allowed_country_prefixes', '["+44"]');
select test.may(1) as abroad;
select * from test.error('select * from may_text(null)');
select * from test.error($$select * from may_text(test.person(1), null, 'extreme')$$);
