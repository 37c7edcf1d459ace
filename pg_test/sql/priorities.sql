-- What goes first: urgent before all, nothing for ever behind.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
insert into herald.user_notification_preferences (user_id, sms_enabled) select test.person(n), true from generate_series(1, 3000) n;
insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, quiet_hours_start, quiet_hours_end)
select test.person(n), test.phone(n), true, '00:00', '00:00' from generate_series(1, 3000) n;
insert into herald.notification_subscriptions (user_id, event_type) select test.person(n), 'test.plain' from generate_series(1, 3000) n where n > 10;
select herald_set_setting('inline_fan_out_limit', '100000');

-- Behind a broadcast of thousands an urgent text waits for no more than the claim that is under way, whatever the claim's size.
select emit_notification_event('test.plain', '{"message": "broadcast"}'::jsonb, priority => 'high') is not null as ok;
select count(*) from test.claim(1, 100);
create procedure test.urgent(n integer) language plpgsql as
    $$ begin perform queue_sms_message(test.person(n), test.phone(n), 'urgent ' || n, 'urgent'); end $$;
call test.urgent(1);
select count(*) filter (where priority = 'urgent') as urgent, count(*) from test.claim(1, 100);
call test.urgent(2);
select priority from test.claim(1, 1);
-- Also behind texts that have waited too long.
update herald.queue_jobs set run_at = now() - interval '1 hour';
-- Due times are moved by hand here, so each claim begins at the oldest.
set pg_herald.claim_floor = off;
call test.urgent(3);
select count(*) filter (where priority = 'urgent') as urgent, count(*) from test.claim(1, 100);
call test.urgent(4);
select priority from test.claim(1, 1);

-- What has waited too long gets one text in eight of each claim, shared by the priorities; the rest goes by priority.
create function test.shares(most integer, claims integer) returns table (priority text, texts bigint) language sql as $$
    select c.priority, count(*) from generate_series(1, claims) n, test.claim(1, most + 0 * n) c group by 1
    order by array_position('{urgent,high,normal,low}', c.priority)
$$;
truncate herald.queue_jobs, test.claims;
create procedure test.backlog() language sql as $$
    truncate herald.queue_jobs, test.claims;
    delete from herald.sms_messages;
    with message as (
        insert into herald.sms_messages (id, user_id, phone_number, message_content, priority)
        select herald_uuid_v7(), test.person(n), test.phone(n), 'backlog', (array['urgent', 'high', 'normal', 'low'])[n % 4 + 1]
        from generate_series(1, 3000) n
        returning id, priority
    )
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at)
    select id, 'send_sms', (array[1, 5, 10, 20])[array_position('{urgent,high,normal,low}', priority)], now() - interval '299 seconds' from message;
$$;
call test.backlog();
select * from test.shares(96, 1);
update herald.queue_jobs set run_at = now() - interval '301 seconds' where priority > 1;
select * from test.shares(96, 1);
update herald.queue_jobs set run_at = now() where priority < 20;
select * from test.shares(96, 1);
-- The oldest of a priority first.
update herald.queue_jobs set run_at = now() - interval '400 seconds' where subject_id = (select subject_id from herald.queue_jobs where priority = 20 order by subject_id desc limit 1);
select max(subject_id::text) as last from herald.queue_jobs where priority = 20 \gset
select count(*) from test.claim(1, 8);
select message_id::text = :'last' as is_oldest from test.claims where priority = 'low' order by place desc limit 1;
-- Small claims draw lots: each priority that waited gets its turn, and no urgent text gives way.
call test.backlog();
update herald.queue_jobs set run_at = now() - interval '1 hour';
select * from test.shares(1, 100);
delete from herald.queue_jobs where priority = 1;
select priority, texts > 0 as has_some, texts > 300 as has_most from test.shares(1, 500);

-- A text is never claimed twice, whether it comes by its age or its priority.
select count(*) = count(distinct message_id) as each_once from test.claims;

-- A text that is due before what full claims took is found once claims are not full any more, and a second later at the latest.
create procedure test.early() language sql as $$
    with early as (
        update herald.queue_jobs set run_at = now() - interval '10 minutes'
        where subject_id = (select subject_id from herald.queue_jobs where priority = 1 order by subject_id desc limit 1)
        returning subject_id
    )
    update herald.sms_messages set message_content = 'early' where id = (select subject_id from early);
$$;
reset pg_herald.claim_floor;
call test.backlog();
\c
select count(*) from test.claim(1, 96);
call test.early();
select count(*) from test.claim(1, 96);
delete from herald.queue_jobs where priority > 1 or run_at > now() - interval '9 minutes';
select count(*) >= 0 as ok from test.claim(1, 96);
select count(*) from test.claims where body = 'early';
call test.backlog();
\c
select count(*) from test.claim(1, 96);
call test.early();
select pg_sleep(1.01) is not null as ok;
select count(*) filter (where body = 'early') as early, count(*) from test.claim(1, 96);
