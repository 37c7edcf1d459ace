-- A failure that Twilio tells later: another attempt by the catalogue's rule, or the end. Callbacks before their SID is known.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create procedure test.send(body text, sid text, expires_in interval default null) language plpgsql as $$
begin
    perform emit_notification_event('test.plain', payload => jsonb_build_object('message', body), expires_at => now() + expires_in);
    perform from test.claim(1);
    perform from test.complete(1, test.result(body, 'accepted', jsonb_build_object('sid', sid, 'twilio_status', 'queued')));
end
$$;
-- Claims it again and has it accepted.
create procedure test.again(body text, sid text) language plpgsql as $$
begin
    update herald.queue_jobs set run_at = now();
    perform from test.claim(1);
    perform from test.complete(1, test.result(body, 'accepted', jsonb_build_object('sid', sid, 'twilio_status', 'queued')));
end
$$;
create view test.wait as
    select m.message_content as body, m.status, d.status as delivery, m.attempt_count as attempts, m.twilio_error_code as error, q.attempt as next,
           extract(epoch from q.run_at - now()) as seconds, q.run_at = m.next_retry_at as is_told, d.last_error is not null as has_error,
           m.failed_at is not null or d.failed_at is not null as has_failed
    from herald.sms_messages m join herald.notification_deliveries d on d.id = m.notification_delivery_id
    left join herald.queue_jobs q on q.subject_id = m.id;

-- Out of reach: again after a quarter of an hour, then half an hour, and so on, three more times.
call test.send('reach', 'SM1');
select result from test.record(test.callback('reach', 'SM1', 'sent'), test.callback('reach', 'SM1', 'undelivered', 30003));
select body, status, delivery, attempts, error, next, seconds between 870 and 1800 as fits, is_told, has_error, has_failed from test.wait;
-- What comes late about the failed attempt changes nothing.
select result from test.record(test.callback('reach', 'SM1', 'sent'), test.callback('reach', 'SM1', 'undelivered', 30003), test.callback('reach', 'SM1', 'failed', 30003));
select body, status, next from test.wait;
call test.again('reach', 'SM2');
select body, status, delivery, attempts, error from test.wait;
select result from test.record(test.callback('reach', 'SM2', 'undelivered', 30003, 2));
select status, next, seconds between 1770 and 3600 as fits from test.wait;
call test.again('reach', 'SM3');
select result from test.record(test.callback('reach', 'SM3', 'undelivered', 30003, 3));
select status, next, seconds between 3570 and 7200 as fits from test.wait;
call test.again('reach', 'SM4');
select result from test.record(test.callback('reach', 'SM4', 'undelivered', 30003, 4));
select body, status, delivery, attempts, error, next, has_failed from test.wait;
select attempt, outcome, sid, error_code from herald.sms_send_attempts order by attempt;
-- Delivered after all, as it is told while the next attempt waits: it is not sent again.
call test.send('after all', 'SM10');
select result from test.record(test.callback('after all', 'SM10', 'undelivered', 30003));
select result from test.record(test.callback('after all', 'SM10', 'delivered'));
select body, status, delivery, has_failed from test.wait where body = 'after all';
update herald.queue_jobs set run_at = now();
select * from test.claim(1);
-- An attempt before the last one was delivered after all, while another one waits.
call test.send('older', 'SM11');
select result from test.record(test.callback('older', 'SM11', 'undelivered', 30003));
call test.again('older', 'SM12');
select result from test.record(test.callback('older', 'SM11', 'delivered'));
select result from test.record(test.callback('older', 'SM12', 'undelivered', 30003, 2));
select result from test.record(test.callback('older', 'SM11', 'read'));
select m.status, m.twilio_sid, d.status as delivery from herald.sms_messages m join herald.notification_deliveries d on d.id = m.notification_delivery_id where message_content = 'older';
delete from herald.queue_jobs;

-- Only as long as the event lives.
call test.send('soon over', 'SM20', '10 minutes');
select result from test.record(test.callback('soon over', 'SM20', 'undelivered', 30003));
call test.send('lives on', 'SM21', '1 hour');
select result from test.record(test.callback('lives on', 'SM21', 'undelivered', 30003));
select body, status, delivery, next, has_failed from test.wait where body in ('soon over', 'lives on') order by body;
delete from herald.queue_jobs;
-- Once is once, also when another error came before.
call test.send('once', 'SM30');
select result from test.record(test.callback('once', 'SM30', 'failed', 30008));
select status, attempts, next, seconds between 270 and 600 as fits from test.wait where body = 'once';
call test.again('once', 'SM31');
select result from test.record(test.callback('once', 'SM31', 'failed', 30500, 2));
select status, attempts, next, seconds between 40 and 60 as fits from test.wait where body = 'once';
call test.again('once', 'SM32');
select result from test.record(test.callback('once', 'SM32', 'failed', 30008, 3));
select status, attempts, next from test.wait where body = 'once';
-- Never is never; no code is once, after a quarter of an hour.
call test.send('never', 'SM40');
call test.send('no code', 'SM41');
select result from test.record(test.callback('never', 'SM40', 'undelivered', 30007), test.callback('no code', 'SM41', 'undelivered'));
select body, status, delivery, next, seconds between 870 and 900 as fits from test.wait where body in ('never', 'no code') order by body;
delete from herald.queue_jobs;

-- The carrier's cap of the day: midnight Pacific. Quiet hours: their end, or 08:00 if that is earlier or none is set.
call test.send('cap', 'SM50');
select result from test.record(test.callback('cap', 'SM50', 'failed', 30027));
select (next_retry_at at time zone 'America/Los_Angeles')::time as at, next_retry_at - now() between interval '0' and interval '25 hours' as fits
from herald.sms_messages where message_content = 'cap';
create function test.quiet(zone text, starts time, ends time) returns table (local_time time, fits boolean) language plpgsql as $$
declare
    body text := concat_ws(' ', 'quiet', zone, starts, ends);
begin
    update herald.user_sms_preferences set quiet_hours_start = '00:00', quiet_hours_end = '00:00';
    call test.send(body, 'SM ' || body);
    update herald.user_sms_preferences set timezone = zone, quiet_hours_start = starts, quiet_hours_end = ends;
    perform from test.record(test.callback(body, 'SM ' || body, 'failed', 30610));
    return query
        select (m.next_retry_at at time zone case when zone like '%Nowhere' then 'UTC' else zone end)::time,
               m.next_retry_at > now() and m.next_retry_at <= now() + interval '25 hours'
        from herald.sms_messages m where m.message_content = body;
    delete from herald.queue_jobs;
end
$$;
select * from test.quiet('America/New_York', '21:00', '09:30');
select * from test.quiet('Asia/Kolkata', '21:00', '06:00');
select * from test.quiet('Australia/Lord_Howe', '00:00', '00:00');
select * from test.quiet('Mars/Nowhere', '21:00', '08:00');
-- Who has chosen no time zone lives in the application's.
select 'create or replace view herald.recipients as ' || rtrim(pg_get_viewdef('herald.recipients'::regclass), ';') as restore \gset
create or replace view herald.recipients as
    select n.user_id, null::text as email, null::text as name, false as is_admin, 'Asia/Kolkata'::text as timezone
    from herald.user_notification_preferences n;
select fits from test.quiet(null, '21:00', '09:30');
select (next_retry_at at time zone 'Asia/Kolkata')::time as local_time from herald.sms_messages where message_content = 'quiet 21:00:00 09:30:00';
:restore;
update herald.user_sms_preferences set timezone = 'UTC', quiet_hours_start = '00:00', quiet_hours_end = '00:00';

-- An opt-out, and a number that cannot be texted: the next text says why it does not go.
call test.send('gone', 'SM60');
select result from test.record(test.callback('gone', 'SM60', 'undelivered', 30005));
select status, delivery, next from test.wait where body = 'gone';
select phone_verified, phone_invalid_reason, phone_invalid_at is not null as has_time from herald.user_sms_preferences;
select emit_notification_event('test.plain', payload => '{"message": "to nobody"}') is not null as ok;
select status, reason from test.deliveries where status = 'suppressed';
-- Verified anew it is as good as any.
update herald.user_sms_preferences set phone_verified = true;
call test.send('opt-out', 'SM61');
select result from test.record(test.callback('opt-out', 'SM61', 'failed', 21610));
select status, delivery, next from test.wait where body = 'opt-out';
select opted_out, opt_out_reason from herald.user_sms_preferences;
delete from herald.sms_opt_outs;
update herald.user_sms_preferences set opted_out = false;

-- Told before the answer was read: what it says about the number counts at once; the next attempt is decided with the answer.
select emit_notification_event('test.plain', payload => '{"message": "early"}') is not null as ok;
select body from test.claim(1);
select result from test.record(test.callback('early', 'SM70', 'failed', 30003));
select body, status, delivery, next from test.wait where body = 'early';
select * from test.complete(1, test.result('early', 'accepted', '{"sid": "SM70", "twilio_status": "queued"}'));
select body, status, delivery, attempts, error, next, has_failed from test.wait where body = 'early';
select attempt, outcome, sid, error_code from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id where m.message_content = 'early';
select emit_notification_event('test.plain', payload => '{"message": "early opt-out"}') is not null as ok;
select body from test.claim(1);
select result from test.record(test.callback('early opt-out', 'SM71', 'failed', 21610));
select opted_out from herald.user_sms_preferences;
select * from test.complete(1, test.result('early opt-out', 'accepted', '{"sid": "SM71"}'));
select status, next from test.wait where body = 'early opt-out';
select message_sid, count(*) from herald.sms_consent_events group by 1 order by 1;
delete from herald.sms_opt_outs;
update herald.user_sms_preferences set opted_out = false;
-- The answer itself says that it has failed.
select emit_notification_event('test.plain', payload => '{"message": "at once"}') is not null as ok;
select body from test.claim(1);
select status from test.complete(1, test.result('at once', 'accepted', '{"sid": "SM72", "twilio_status": "failed", "error_code": 30001, "http_status": 201}'));
select body, status, delivery, attempts, error, next from test.wait where body = 'at once';
delete from herald.queue_jobs;
delete from herald.breakers;

-- Callbacks without our id, before the SID is known: kept, and applied with the answer, in the order they came.
select emit_notification_event('test.plain', payload => '{"message": "orphan"}') is not null as ok;
select body from test.claim(1);
select * from test.record('{"sid": "SM80", "status": "sent"}', '{"sid": "SM80", "status": "delivered"}', '{"sid": "SM80", "status": "delivered"}', '{"sid": "SM81", "status": "sent"}');
select body, status from test.wait where body = 'orphan';
select * from test.complete(1, test.result('orphan', 'accepted', '{"sid": "SM80", "twilio_status": "queued"}'));
select body, status, delivery from test.wait where body = 'orphan';
select message_sid, message_status, result, message_id is not null as has_message, attempt from herald.twilio_callbacks where message_sid in ('SM80', 'SM81') order by id;
select emit_notification_event('test.plain', payload => '{"message": "failed orphan"}') is not null as ok;
select body from test.claim(1);
select * from test.record('{"sid": "SM82", "status": "undelivered", "error_code": 30003}');
select * from test.complete(1, test.result('failed orphan', 'accepted', '{"sid": "SM82", "twilio_status": "queued"}'));
select body, status, delivery, attempts, error, next from test.wait where body = 'failed orphan';
