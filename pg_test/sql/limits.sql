-- Limits: per person, hour and type, caps per country and for everybody; reserved at the claim, given back when nothing was sent.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
call test.type('test.rare');
call test.subscriber(1, 'test.plain', 'test.rare');
call test.subscriber(2, 'test.plain', 'test.rare');
create procedure test.limits(n integer, per_day integer, more_per_day integer default null, per_hour integer default null) language sql as $$
    update herald.user_sms_preferences set daily_sms_limit = per_day, daily_sms_count = 0, hourly_sms_count = 0, daily_type_counts = '{}'
    where user_id = test.person(n);
    update herald.user_notification_preferences set max_per_day = more_per_day, max_per_hour = per_hour where user_id = test.person(n);
$$;
create procedure test.emit(n integer, texts integer, type text default 'test.plain', more text default '') language plpgsql as $$
begin
    perform emit_notification_event(type, jsonb_build_object('message', type || ' ' || i || more), test.person(n)) from generate_series(1, texts) i;
end
$$;
create view test.fate as
    select test.number(m.user_id) as person, m.message_content as body, m.status, d.status as delivery,
           coalesce(d.suppress_reason, d.defer_reason, m.cancel_reason, m.defer_reason) as reason,
           -- In the day's last hour both are the same moment.
           case when m.deferred_until = date_trunc('hour', now()) + interval '1 hour' and coalesce(d.defer_reason, m.defer_reason) = 'hourly_limit'
                    then 'next hour'
                when m.deferred_until = (date_trunc('day', now() at time zone 'UTC') + interval '1 day') at time zone 'UTC' then 'tomorrow'
                else m.deferred_until::text end as until
    from herald.sms_messages m left join herald.notification_deliveries d on d.id = m.notification_delivery_id;
create procedure test.clear() language sql as $$
    delete from herald.notification_events; delete from herald.sms_messages; delete from herald.queue_jobs;
    delete from herald.dispatch_batches; truncate test.claims;
$$;
create view test.counts as
    select test.number(user_id) as person, daily_sms_count as day, hourly_sms_count as hour, daily_type_counts as types
    from herald.user_sms_preferences where user_id in (test.person(1), test.person(2));

-- Two a day: the others wait until the day is over, in the person's zone.
call test.limits(1, 2);
call test.emit(1, 4);
select body from test.claim(1);
select * from test.fate order by body;
select * from test.counts order by person;
-- The next claim counts on from there; another person has their own.
call test.emit(1, 1, more => 'x');
call test.emit(2, 3, more => 'y');
select to_number, count(*) from test.claim(1) group by 1;
select * from test.counts order by person;
-- A new day, and a new hour: counts begin anew with the first text.
update herald.user_sms_preferences set daily_count_reset_at = now() - interval '24 hours', hourly_count_reset_at = now() - interval '60 minutes',
    daily_sms_count = 99, hourly_sms_count = 99 where user_id = test.person(1);
update herald.queue_jobs set run_at = now();
select body from test.claim(1);
select * from test.counts order by person;
select daily_count_reset_at > now() - interval '1 minute' as day_began, hourly_count_reset_at > now() - interval '1 minute' as hour_began
from herald.user_sms_preferences where user_id = test.person(1);
-- A day is the person's own.
select herald_day_start('2026-06-01 12:30Z', 'Asia/Tokyo', 0) at time zone 'UTC' as tokyo, herald_day_start('2026-06-01 12:30Z', 'Asia/Tokyo', 1) at time zone 'UTC' as next;

-- The smaller of both daily limits, the hour, and the type.
call test.clear();
call test.limits(1, 5, more_per_day => 1);
call test.limits(2, 5, per_hour => 2);
call test.emit(1, 2);
call test.emit(2, 3);
select count(*) from test.claim(1);
select * from test.fate order by person, body;
call test.clear();
call test.limits(1, 5);
call test.limits(2, 5);
update herald.notification_event_types set max_per_user_per_day = 1 where event_type = 'test.rare';
call test.emit(1, 2, 'test.rare');
call test.emit(1, 2);
call test.emit(2, 1, 'test.rare');
select count(*) from test.claim(1);
select * from test.fate order by person, body;
select * from test.counts order by person;

-- What a type wants done with what is too much: not sent at all. A limit of 0 and what would be over by then end so as well.
update herald.notification_event_types set over_limit = 'suppress' where event_type = 'test.rare';
call test.clear();
call test.limits(2, 0);
update herald.notification_event_types set expires_after = interval '20 seconds' where event_type = 'test.plain';
call test.limits(1, 2);
call test.emit(1, 2, 'test.rare');
call test.emit(1, 3);
call test.emit(2, 1);
select count(*) from test.claim(1);
select * from test.fate order by person, body;
update herald.notification_event_types set expires_after = null where event_type = 'test.plain';

-- Caps: everybody, and the longest prefix. One stops nobody whom another stops already.
call test.clear();
call test.limits(1, 50);
call test.limits(2, 50);
select herald_set_setting('allowed_country_prefixes', '["+1", "+44"]');
update herald.user_sms_preferences set phone_number = '+447700900001' where user_id = test.person(2);
insert into herald.sms_caps (prefix, max_per_day) values ('+', 4), ('+44', 2), ('+4', 0), ('+1', 100), ('+49', 0);
call test.emit(2, 4);
call test.emit(1, 3);
select to_number, count(*) from test.claim(1) group by 1 order by 1;
select person, status, delivery, reason, until, count(*) from test.fate group by 1, 2, 3, 4, 5 order by 1, 2;
select prefix, max_per_day, used, day = (now() at time zone 'UTC')::date as is_today from herald.sms_caps order by prefix;
-- A new day.
update herald.sms_caps set day = day - 1 where day > '-infinity';
update herald.queue_jobs set run_at = now();
select to_number, count(*) from test.claim(1) group by 1 order by 1;
select prefix, used, day = (now() at time zone 'UTC')::date as is_today from herald.sms_caps order by prefix;
select * from test.error($$insert into herald.sms_caps (prefix, max_per_day) values ('44', 1)$$) limit 1;
delete from herald.sms_caps;

-- Given back: what Twilio refused and what never got there. Not what it took, nor what nobody knows of.
call test.clear();
call test.limits(1, 50);
insert into herald.sms_caps (prefix, max_per_day) values ('+', 50), ('+1', 50), ('+14', 50);
update herald.notification_event_types set max_per_user_per_day = 50;
call test.emit(1, 6, 'test.rare');
select count(*) from test.claim(1);
select day, hour, types, (select string_agg(prefix || '=' || used, ' ' order by prefix) from herald.sms_caps) as caps from test.counts where person = 1;
select count(*) from test.complete(1, test.result('test.rare 1', 'accepted', '{"sid": "SM1"}'), test.result('test.rare 2', 'unknown'),
    test.result('test.rare 3', 'rejected', '{"error_code": 21602}'), test.result('test.rare 4', 'not_sent'), test.result('test.rare 5', 'not_sent', '{"reason": "shutdown"}'));
select day, hour, types, (select string_agg(prefix || '=' || used, ' ' order by prefix) from herald.sms_caps) as caps from test.counts where person = 1;
-- A count that has begun anew keeps what it has.
update herald.user_sms_preferences set daily_count_reset_at = now() + interval '1 second' where user_id = test.person(1);
update herald.sms_caps set day = day + 1;
select count(*) from test.complete(1, test.result('test.rare 6', 'not_sent'));
select day, hour, types, (select string_agg(prefix || '=' || used, ' ' order by prefix) from herald.sms_caps) as caps from test.counts where person = 1;
-- An opt-out and a text given back change the same row: the opt-out wins.
call test.clear();
call test.limits(1, 50);
update herald.user_sms_preferences set daily_count_reset_at = now() where user_id = test.person(1);
call test.emit(1, 2);
select count(*) from test.claim(1);
select count(*) from test.complete(1, test.result('test.plain 1', 'not_sent'), test.result('test.plain 2', 'rejected', '{"error_code": 21610}'));
select opted_out, daily_sms_count from herald.user_sms_preferences where user_id = test.person(1);

-- A text that an administrator sends to a number counts for nobody, but for the caps.
call test.clear();
update herald.user_sms_preferences set opted_out = false;
call test.limits(1, 0);
delete from herald.sms_caps;
insert into herald.sms_caps (prefix, max_per_day) values ('+', 1);
select count(queue_sms_message(test.person(1), '+14155550100', 'by an administrator ' || n)) from generate_series(1, 2) n;
select body from test.claim(1);
select body, status, reason, until from test.fate order by 1;
select * from test.counts where person = 1;
