-- Numbers for administrators, and a delivery tried again by hand.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set client_min_messages = warning;

-- Nothing has happened yet.
select * from get_notification_overview_metrics();
select * from get_notification_channel_performance();
select * from get_notification_event_performance();
select count(*) as hours, sum(sent) as sent from get_notification_delivery_timeline('5 hours');
select * from get_notification_failed_deliveries();
select * from get_sms_notification_stats();

-- A known world: per status so many deliveries, yesterday and before.
call test.type('test.one');
call test.type('test.two');
call test.subscriber(1, 'test.one', 'test.two');
call test.subscriber(2, 'test.one');
call test.subscriber(3);
update herald.user_sms_preferences set opted_out = true where user_id = test.person(2);
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(3);
-- An id as it was made at a time.
create function test.id(at timestamptz) returns uuid language sql volatile as
    $$ select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid $$;
create procedure test.world(type text, channel text, status text, count integer, age interval) language plpgsql as $$
declare
    at timestamptz := now() - age;
    event uuid := test.id(at);
begin
    insert into herald.notification_events (id, event_type, event_source, priority, status, created_at)
    values (event, type, 'api_action', 'normal', 'fanned_out', at);
    insert into herald.notification_deliveries
        (id, event_id, recipient_user_id, channel, status, suppress_reason, created_at, sent_at, delivered_at, opened_at, clicked_at, failed_at, last_error, attempts)
    select test.id(at), event, test.person(n), channel, status, case when status = 'suppressed' then 'preference' end, at,
           case when status in ('sent', 'delivered', 'opened', 'clicked') then at + interval '1 second' end,
           case when status in ('delivered', 'opened', 'clicked') then at + interval '5 seconds' end,
           case when status in ('opened', 'clicked') then at end, case when status = 'clicked' then at end,
           case when status in ('failed', 'bounced') then at end, case when status in ('failed', 'bounced') then status || ' it' end, n
    from generate_series(1, count) n;
end $$;
call test.world('test.one', 'sms', 'sent', 2, '1 hour');
call test.world('test.one', 'sms', 'delivered', 4, '1 hour');
call test.world('test.one', 'sms', 'failed', 1, '2 hours');
call test.world('test.one', 'sms', 'bounced', 1, '3 hours');
call test.world('test.one', 'sms', 'suppressed', 5, '1 hour');
call test.world('test.one', 'sms', 'cancelled', 3, '1 hour');
call test.world('test.two', 'sms', 'pending', 1, '1 hour');
call test.world('test.two', 'in_app', 'opened', 1, '1 hour');
call test.world('test.two', 'in_app', 'clicked', 1, '1 hour');
call test.world('test.two', 'sms', 'failed', 8, '10 days');
select * from get_notification_overview_metrics();
select * from get_notification_overview_metrics('7 days', '7 days');
select * from get_notification_overview_metrics('30 days');
select total_sent from get_notification_overview_metrics('4000 years');
\x
select * from get_notification_channel_performance();
select * from get_sms_notification_stats();
\x
select * from get_notification_event_performance('1 day');
select sum(sent) as sent, sum(delivered) as delivered, sum(opened) as opened, sum(clicked) as clicked, sum(failed) as failed, count(*) as buckets
from get_notification_delivery_timeline('5 hours', 'hour');
select count(*) as days, sum(failed) as failed from get_notification_delivery_timeline('11 days', 'day');
select event_type, channel, test.number(recipient_user_id) as person, recipient_email, last_error, attempts, max_attempts, failed_at is not null as has_time
from get_notification_failed_deliveries();
select count(*) from get_notification_failed_deliveries('30 days', 3);
select * from test.error($$select get_notification_overview_metrics('soon')$$);
select * from test.error($$select get_notification_delivery_timeline('1 day', 'week')$$);
select * from test.error($$select get_notification_failed_deliveries('1 day', 0)$$);
truncate herald.notification_events cascade;

-- The same message again.
create function test.delivery(body text) returns uuid language sql stable as
    $$ select m.notification_delivery_id from herald.sms_messages m where m.message_content = body order by m.created_at, m.id limit 1 $$;
-- As often as the catalogue allows.
create procedure test.fails(body text, code integer, person integer default 1) language plpgsql as $$
declare
    sid text;
begin
    perform emit_notification_event('test.one', jsonb_build_object('message', body), target_user_id => test.person(person));
    for n in 1..5 loop
        update herald.queue_jobs set run_at = now();
        exit when not exists (select from test.claim(1));
        sid := 'SM' || md5(body || n);
        perform test.complete(1, test.result(body, 'accepted', jsonb_build_object('sid', sid)));
        perform test.record(test.callback(body, sid, 'undelivered', code, n));
    end loop;
end $$;
create function test.attempt(body text) returns integer language sql stable as
    $$ select last_attempt from herald.sms_messages m where m.message_content = body $$;
call test.fails('unreachable', 30003);
select delivery, status from test.messages;
select retry_notification_delivery(test.delivery('unreachable')) = id as same_message from herald.sms_messages;
select delivery, status, is_queued from test.messages;
select * from test.error($$select retry_notification_delivery(test.delivery('unreachable'))$$);
select * from test.error($$select resend_notification_delivery(test.delivery('unreachable'))$$);
select body, attempt from test.claim(1);
select * from test.error($$select retry_notification_delivery(test.delivery('unreachable'))$$);
select status from test.complete(1, test.result('unreachable', 'unknown'));
select * from test.error($$select retry_notification_delivery(test.delivery('unreachable'))$$);
select * from test.error($$select resend_notification_delivery(test.delivery('unreachable'))$$);
select result from test.record(test.callback('unreachable', test.sid(7), 'delivered', null, test.attempt('unreachable')));
select * from test.error($$select retry_notification_delivery(test.delivery('unreachable'))$$);
-- A late word about the first attempt, before the second began: it has arrived, and is not sent again.
call test.fails('late', 30003);
select retry_notification_delivery(test.delivery('late')) is not null as ok;
select result from test.record(test.callback('late', 'SM' || md5('late' || test.attempt('late')), 'delivered', null, test.attempt('late')));
select body from test.claim(1);
select body, status, delivery from test.messages where body = 'late';
-- What would fail again, what has expired, what was tried too often.
call test.subscriber(4, 'test.one');
call test.fails('no such number', 21211, 4);
select * from test.error($$select retry_notification_delivery(test.delivery('no such number'))$$);
call test.fails('too late', 30003);
update herald.sms_messages set expires_at = now() where message_content = 'too late';
select * from test.error($$select retry_notification_delivery(test.delivery('too late'))$$);
call test.fails('too often', 30003);
update herald.sms_messages set attempt_count = 10 where message_content = 'too often';
select * from test.error($$select retry_notification_delivery(test.delivery('too often'))$$);
select * from test.error($$select retry_notification_delivery(test.person(1))$$);

-- A new message.
update herald.notification_event_types set default_channels = '{sms,email}' where event_type = 'test.one';
select test.delivery('no such number') as first \gset
select resend_notification_delivery(:'first') as second \gset
select d.channel, d.status, m.message_content, e.metadata ->> 'resend_of' = :'first' as knows
from herald.notification_deliveries d join herald.notification_events e on e.id = d.event_id
left join herald.sms_messages m on m.notification_delivery_id = d.id where e.id = (select event_id from herald.notification_deliveries where id = :'second');
select resend_notification_delivery(:'first') is not null as third, resend_notification_delivery(:'first') is not null as fourth;
select * from test.error(format('select resend_notification_delivery(%L)', :'first'));
-- A suppressed one once its cause is gone, and one whose cause is still there: the gate decides.
select emit_notification_event('test.one', '{"message": "was out"}'::jsonb, target_user_id => test.person(2)) as event \gset
select id as out from herald.notification_deliveries where event_id = :'event' and channel = 'sms' \gset
select status, suppress_reason from herald.notification_deliveries where id = :'out';
select resend_notification_delivery(:'out') as again \gset
select status, suppress_reason from herald.notification_deliveries where id = :'again';
update herald.user_sms_preferences set opted_out = false;
select resend_notification_delivery(:'out') as again \gset
select status, suppress_reason from herald.notification_deliveries where id = :'again';
update herald.notification_subscriptions set is_active = false;
select * from test.error(format('select resend_notification_delivery(%L)', :'out'));
update herald.notification_subscriptions set is_active = true;
select * from test.error('select resend_notification_delivery(test.person(1))');
