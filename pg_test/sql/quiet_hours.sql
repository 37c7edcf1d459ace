-- Quiet hours: what they hold back, until when, and what ends up at Twilio.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all

-- The rule itself, in New York: overnight hours, the start included, the end not, exact to the second.
create function test.opens(at text, from_ time, to_ time, zone text default 'America/New_York', minimum integer default 0)
returns text language sql as
    $$ select to_char(herald_open_at((at::timestamp) at time zone zone, from_, to_, zone, minimum, 0, test.person(1))
                      at time zone zone, 'YYYY-MM-DD HH24:MI:SS.MS') $$;
select at, test.opens(at, '21:00', '08:00') from unnest(array['2026-01-15 12:00', '2026-01-15 20:59:59.999', '2026-01-15 21:00',
    '2026-01-15 23:59:59', '2026-01-16 00:00', '2026-01-16 07:59:59.999', '2026-01-16 08:00']) at;
select at, test.opens(at, '12:00', '13:30') from unnest(array['2026-01-15 11:59:59', '2026-01-15 12:00', '2026-01-15 13:30']) at;
select test.opens('2026-01-15 12:00', '12:00', '12:00') as none, test.opens('2026-01-15 00:00', '00:00', '24:00') as none_either;
-- Fewer seconds than the minimum before they begin are too few.
select at, test.opens(at, '21:00', '08:00', minimum => 60) from unnest(array['2026-01-15 20:58:59', '2026-01-15 20:59:00', '2026-01-15 20:59:01']) at;
-- 8 March 2026, 02:00 to 03:00 does not exist: whoever is quiet until 02:30 is not quiet at 03:00.
select test.opens('2026-03-08 01:59', '22:00', '02:30') as gap, test.opens('2026-03-07 23:00', '22:00', '08:00') as over_it;
-- 1 November 2026, 01:00 to 02:00 comes twice: 01:30 ends quiet hours, 01:00 begins them again.
select utc, herald_open_at(utc, '22:00', '01:30', 'America/New_York', 0, 0, test.person(1)) at time zone 'UTC' as opens
from unnest('{2026-11-01 05:29Z, 2026-11-01 05:30Z, 2026-11-01 05:59Z, 2026-11-01 06:00Z, 2026-11-01 06:30Z}'::timestamptz[]) utc;
-- Half-hour zones, and one that skipped a day (Samoa, 30 December 2011).
select test.opens('2026-05-01 07:00', '21:00', '08:00', 'Asia/Kathmandu'), test.opens('2011-12-29 23:00', '21:00', '08:00', 'Pacific/Apia');
-- When they begin, and local days.
select herald_closes_at('2026-01-15 17:00Z', '21:00', '08:00', 'America/New_York') at time zone 'America/New_York' as closes,
       herald_closes_at('2026-01-15 17:00Z', '09:00', '09:00', 'America/New_York') as never,
       herald_day_start('2026-03-08 17:00Z', 'America/New_York', 0) at time zone 'UTC' as today,
       herald_day_start('2026-03-08 17:00Z', 'America/New_York', 1) at time zone 'UTC' as tomorrow,
       -- Midnight of 8 March 2026 does not exist in Havana.
       herald_day_start('2026-03-08 17:00Z', 'America/Havana', 0) at time zone 'UTC' as without_midnight;
-- A zone that nobody knows, or that only looks like one: for ever, whatever the hour. A day without zone is one in UTC.
select zone, herald_open_at('2026-01-15 12:00Z', '21:00', '08:00', zone, 0, 0, test.person(1)) as opens,
       herald_closes_at('2026-01-15 12:00Z', '21:00', '08:00', zone) as closes,
       herald_day_start('2026-01-15 12:00Z', zone, 0) at time zone 'UTC' as day
from unnest(array['Mars/Olympus', 'UTC+5', '<x>3', '', '/etc/passwd', '../UTC', 'europe/berlin', 'EST5EDT']) zone;
select herald_open_at('infinity', '21:00', '08:00', 'UTC', 0, 0, test.person(1)) as for_ever,
       herald_open_at('2026-01-15 12:00Z', '21:00', null, 'UTC', 0, 0, test.person(1)) as nothing;
-- The end is spread: the same point for the same person, over the whole of it, and at most a quarter of what is open.
select min(opens), max(opens), count(distinct opens) > 800 as is_spread, bool_and(opens = again) as is_steady
from generate_series(1, 5000) n,
     lateral (select herald_open_at('2026-01-16 03:00Z', '00:00', '08:00', 'UTC', 0, 899, test.person(n)) at time zone 'UTC' as opens,
                     herald_open_at('2026-01-16 04:00Z', '00:00', '08:00', 'UTC', 0, 899, test.person(n)) at time zone 'UTC' as again) o;
select min(opens), max(opens) from generate_series(1, 5000) n,
     lateral (select herald_open_at('2026-01-16 03:00Z', '08:01', '08:00', 'UTC', 3600, 14400, test.person(n)) at time zone 'UTC' as opens) o;

-- Through emit and claim. Person 1 is in the middle of quiet hours, person 2 just before them, person 3 nowhere near.
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');
call test.subscriber(3, 'test.plain');
create procedure test.quiet(n integer, from_ interval, to_ interval) language sql as $$
    update herald.user_sms_preferences set timezone = 'Asia/Tokyo',
           quiet_hours_start = ((now() + from_) at time zone 'Asia/Tokyo')::time, quiet_hours_end = ((now() + to_) at time zone 'Asia/Tokyo')::time
    where user_id = test.person(n)
$$;
call test.quiet(1, '-1 hour', '2 hours');
call test.quiet(2, '30 seconds', '3 hours');
call test.quiet(3, '5 hours', '7 hours');
create view test.waits as
    select test.number(d.recipient_user_id) as person, d.status, d.suppress_reason as reason, d.defer_reason, m.status as message,
           m.defer_reason as of_message, round(extract(epoch from d.deferred_until - now()) / 3600, 1) as hours,
           d.deferred_until = q.run_at as is_queued, d.event_id
    from herald.notification_deliveries d
    left join herald.sms_messages m on m.notification_delivery_id = d.id
    left join herald.queue_jobs q on q.subject_id = m.id;
select herald_set_setting('quiet_hours_spread_seconds', '0');
begin;
select emit_notification_event('test.plain', '{"message": "a"}'::jsonb) as event \gset
select person, status, defer_reason, message, of_message, hours, is_queued from test.waits where event_id = :'event' order by person;
-- Nobody is woken for what waits.
select test.number(m.user_id) as person, wakes from herald.queue_jobs q join herald.sms_messages m on m.id = q.subject_id order by 1;
commit;
select body, to_number from test.claim(1);
-- Twilio is told when its own queue must give up: 5 hours are 18,000 seconds.
select validity_seconds between 17990 and 18000 as until_quiet from test.claims;

-- Put on after emit, they bind at the claim; and a changed world changes the decision once more.
call test.quiet(3, '5 hours', '7 hours');
select emit_notification_event('test.plain', '{"message": "b"}'::jsonb, test.person(3)) as event \gset
call test.quiet(3, '-1 hour', '4 hours');
select count(*) from test.claim(1);
select person, status, defer_reason, message, of_message, hours, is_queued from test.waits where event_id = :'event';
call test.quiet(3, '1 hour', '4 hours');
update herald.queue_jobs q set run_at = now() from test.waits w, herald.sms_messages m
where w.event_id = :'event' and m.id = q.subject_id and m.message_content = 'b';
select body from test.claim(1);
-- The trace stays.
select person, status, defer_reason, message from test.waits where event_id = :'event';

-- Urgent passes if the person allows it; high does not.
create function test.status_of(event uuid) returns text language sql as
    $$ select status || coalesce(' ' || suppress_reason, '') || coalesce(' ' || defer_reason, '') from herald.notification_deliveries where event_id = event $$;
create function test.emit(word text, alerts boolean default true, bypass boolean default true, expires interval default null, after interval default null)
returns text language plpgsql as $$
begin
    update herald.user_sms_preferences set urgent_alerts = alerts, urgent_bypass_quiet_hours = bypass where user_id = test.person(1);
    return test.status_of(emit_notification_event('test.plain', '{"message": "c"}'::jsonb, test.person(1), priority => word,
                                                  expires_at => now() + expires, scheduled_for => now() + after));
end
$$;
select test.emit('urgent') as urgent, test.emit('high') as high, test.emit('urgent', alerts => false) as no_alerts, test.emit('urgent', bypass => false) as no_bypass;
-- The claim asks again: the one that was let go must wait now. Let go for good, it has no end for Twilio.
select count(*) from test.claim(1);
select test.emit('urgent') as urgent;
select body, priority from test.claim(1);
select validity_seconds from test.claims order by place desc limit 1;
-- What would be over before it may go is not kept waiting; what is due later is judged by the time it is due.
select test.emit('normal', expires => '90 minutes') as too_short, test.emit('normal', expires => '150 minutes') as long_enough,
       test.emit('normal', after => '150 minutes') as later, test.emit('normal', after => '1 minute') as soon;

-- The zone: the person's own, else the application's, else UTC; one that does not exist holds everything back that the hour matters for.
update herald.user_sms_preferences set timezone = null where user_id = test.person(1);
select timezone from herald.recipients where user_id = test.person(1);
create or replace view herald.recipients as
    select test.person(1) as user_id, null::text as email, null::text as name, false as is_admin, 'Asia/Tokyo'::text as timezone;
select test.emit('normal') as from_the_application;
create or replace view herald.recipients as
    select test.person(1) as user_id, null::text as email, null::text as name, false as is_admin, null::text as timezone;
update herald.user_sms_preferences set quiet_hours_start = ((now() - interval '1 hour') at time zone 'UTC')::time,
       quiet_hours_end = ((now() + interval '1 hour') at time zone 'UTC')::time where user_id = test.person(1);
select test.emit('normal') as from_nobody;
update herald.user_sms_preferences set timezone = 'Mars/Olympus' where user_id = test.person(1);
select test.emit('normal') as unknown, test.emit('urgent') as urgent;
update herald.user_sms_preferences set quiet_hours_end = quiet_hours_start where user_id = test.person(1);
select test.emit('normal') as unknown_but_never_quiet;

-- A text queued directly waits, too; one that an administrator sends to a number of nobody's does not.
call test.quiet(1, '-1 hour', '1 hour');
delete from herald.queue_jobs;
call test.queue(1, 'direct');
select queue_sms_message(test.person(1), '+14155550100', 'by an administrator') is not null as ok;
select body from test.claim(1);
select message_content, status, defer_reason, round(extract(epoch from deferred_until - now()) / 3600, 1) as hours
from herald.sms_messages where message_content in ('direct', 'by an administrator') order by 1;
