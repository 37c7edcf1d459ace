-- complete_sms_messages(): what each outcome and each of Twilios codes makes of a message.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create procedure test.emit(body text) language plpgsql as
    $$ begin perform emit_notification_event('test.plain', payload => jsonb_build_object('message', body)); end $$;
-- Makes what waits for another attempt due now.
create procedure test.wait() language sql as $$
    update herald.queue_jobs set run_at = now();
    update herald.breakers set resume_at = now();
$$;
-- Mends what errors have broken.
create procedure test.mend() language sql as $$
    delete from herald.breakers;
    update herald.user_sms_preferences set phone_verified = true, phone_invalid_reason = null, phone_invalid_at = null, opted_out = false;
$$;
create view test.ledger as
    select m.message_content as body, a.attempt, a.outcome, a.reason, a.sid, a.http_status as http, a.error_code as error,
           a.resolved_by, a.worker is not null and a.batch_id is not null as has_worker,
           case when a.outcome <> 'unknown' then extract(epoch from a.finished_at - a.started_at)::numeric(6, 3) end as seconds
    from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id;

-- Bad input.
select * from test.error($$select complete_sms_messages(test.worker(1), '{}')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '"x"')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), 'null')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[1]')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[{}]')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[{"batch_id": "00000000-0000-4000-8000-000000000001", "message_id": "00000000-0000-4000-8000-000000000001", "attempt": 1, "outcome": "accepted"}, {"batch_id": "x", "message_id": null, "attempt": 1, "outcome": "accepted"}]')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[{"batch_id": "00000000-0000-4000-8000-000000000001", "message_id": "00000000-0000-4000-8000-000000000001", "attempt": 1, "outcome": "fine"}]')$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[{"batch_id": "no uuid", "message_id": "00000000-0000-4000-8000-000000000001", "attempt": 1, "outcome": "accepted"}]')$$);
select count(*) from complete_sms_messages(test.worker(1), '[]');

-- The four outcomes.
call test.emit('accepted');
call test.emit('rejected');
call test.emit('not sent');
call test.emit('unknown');
select count(*) from test.claim(1);
select * from test.complete(1,
    test.result('accepted', 'accepted', '{"sid": "SM1", "twilio_status": "accepted", "http_status": 201, "segments": 2, "elapsed_ms": 250, "request_id": "RQ1"}'),
    test.result('rejected', 'rejected', '{"http_status": 400, "error_code": 21211, "error_message": "Invalid To", "segments": 0}'),
    test.result('not sent', 'not_sent', '{"reason": "connect", "error_message": "refused"}'),
    test.result('unknown', 'unknown', '{"http_status": 500, "reason": "timeout"}'));
select * from test.messages order by body;
select * from test.ledger order by body;
select message_content, segments, twilio_sid, twilio_status, twilio_error_message is not null as has_words, error_category,
       sent_at is not null as sent, failed_at is not null as failed, next_retry_at > now() as retries, batch_id
from herald.sms_messages order by message_content;
select m.message_content as body, d.status, d.attempts, d.last_error is not null as has_error, d.sent_at is not null as sent, d.failed_at is not null as failed
from herald.notification_deliveries d join herald.sms_messages m on m.notification_delivery_id = d.id order by 1;
select count(*) as batches from herald.dispatch_batches;
-- 21211: the number is not verified any more, and says why.
select phone_verified, phone_invalid_reason, phone_invalid_at is not null as has_time from herald.user_sms_preferences;
call test.mend();
-- Not claimed any more: a second result changes nothing.
select * from test.complete(1, test.result('accepted', 'rejected'), test.result('unknown', 'not_sent'), test.result('not sent', 'accepted', '{"sid": "SM9"}'));
-- Nobody knows it.
select m.attempt, m.applied, m.status from complete_sms_messages(test.worker(1), jsonb_build_array(jsonb_build_object(
    'batch_id', test.person(1), 'message_id', test.person(2), 'attempt', 1, 'outcome', 'accepted'))) m;

-- Twilio's word in the answer counts, as far as it goes.
call test.emit('sent at once');
call test.emit('failed at once');
call test.emit('odd word');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('sent at once', 'accepted', '{"sid": "SM2", "twilio_status": "sent"}'),
    test.result('failed at once', 'accepted', '{"sid": "SM3", "twilio_status": "failed", "error_code": 30008}'),
    test.result('odd word', 'accepted', '{"sid": "SM4", "twilio_status": "teleported"}'));
select body, status, delivery, has_sid, error from test.messages where body in ('sent at once', 'failed at once', 'odd word') order by body;

-- Retries by the catalogue's rule. never: failed.
create function test.attempts(body text, outcome text, more jsonb, most integer default 6)
returns table (attempt integer, status text, attempts integer, wait text) language plpgsql as $$
declare
    seconds double precision;
begin
    call test.emit(body);
    for n in 1..most loop
        perform from test.claim(1) c where c.body = attempts.body;
        exit when not found;
        select c.attempt, c.status into attempts.attempt, attempts.status from test.complete(1, test.result(body, outcome, more)) c;
        select m.attempt_count, extract(epoch from m.next_retry_at - now()) into attempts.attempts, seconds
        from herald.sms_messages m where m.message_content = body;
        wait := case when seconds is null then null when seconds <= 0 then 'now' when seconds > 30000 then 'hours' else 'later' end;
        return next;
        call test.wait();
    end loop;
    delete from herald.queue_jobs;
    call test.mend();
end
$$;
select distinct on (retry, max_attempts, counts_attempt) retry, max_attempts, counts_attempt from herald.twilio_error_codes where surface <> 'debugger' order by 1, 2, 3;
select * from test.attempts('never 21211', 'rejected', '{"error_code": 21211}');
select * from test.attempts('once 14107', 'rejected', '{"error_code": 14107}');
select * from test.attempts('unknown code', 'rejected', '{"error_code": 1}');
select * from test.attempts('no code', 'rejected', '{}');
-- stop: the rows and the attempts are kept.
select * from test.attempts('stop 20003', 'not_sent', '{"error_code": 20003, "http_status": 401}');
-- 20429: costs no attempt, and Retry-After is obeyed.
select * from test.attempts('limit 20429', 'not_sent', '{"error_code": 20429, "http_status": 429}');
select * from test.attempts('limit 20429 with Retry-After', 'not_sent', '{"error_code": 20429, "http_status": 429, "retry_after_seconds": 40000}', 1);
-- Not sent at all: tried until it is.
select * from test.attempts('connect', 'not_sent', '{"reason": "connect"}');
select * from test.attempts('shutdown', 'not_sent', '{"reason": "shutdown"}', 2);
-- A code with backoff counts its attempts: three, or the message's own number.
select code, retry, max_attempts, counts_attempt from herald.twilio_error_codes where retry = 'backoff' and counts_attempt and max_attempts is null and code = 20009;
select * from test.attempts('backoff 20009', 'rejected', '{"error_code": 20009}');
-- Delays double, from 5 s up to 300 s, and never leave these bounds.
call test.emit('delays');
create temp table delay (attempt integer, seconds double precision);
do $$
begin
    for n in 1..8 loop
        perform from test.claim(1);
        perform from test.complete(1, test.result('delays', 'not_sent'));
        insert into delay select n, extract(epoch from next_retry_at - now()) from herald.sms_messages where message_content = 'delays';
        call test.wait();
    end loop;
end
$$;
select attempt, seconds between least(300, 5 * 2 ^ attempt) / 2 - 0.01 and least(300, 5 * 2 ^ attempt) + 0.01 as fits from delay order by attempt;
-- Carriers' daily caps end at midnight Pacific time, however often it was tried.
call test.emit('30023');
select body from test.claim(1);
select * from test.complete(1, test.result('30023', 'rejected', '{"error_code": 30023}'));
select next_retry_at > now() as ahead, next_retry_at <= now() + interval '25 hours' as within_a_day,
       (next_retry_at at time zone 'America/Los_Angeles')::time(0) as at
from herald.sms_messages where message_content = '30023';
delete from herald.queue_jobs;

-- 21610: the person has opted out. Their number is not texted any more, and the ledger of consent says why.
call test.emit('21610');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('21610', 'rejected', '{"error_code": 21610, "http_status": 400}'));
select test.number(user_id) as person, opted_out, opted_out_at is not null as has_time, opt_out_reason from herald.user_sms_preferences;
select test.number(user_id) as person, phone_number, kind, source from herald.sms_consent_events;
call test.emit('after the opt-out');
select status, reason from test.deliveries where person = 1 and reason is not null;
-- As if the person had texted START.
delete from herald.sms_opt_outs;
update herald.user_sms_preferences set opted_out = false;

-- An answer and a callback may cross: the callback proves that Twilio has it, whatever we saw.
call test.emit('callback first');
select body from test.claim(1);
select result from test.record(test.callback('callback first', 'SMcf', 'delivered'));
select * from test.complete(1, test.result('callback first', 'unknown', '{"reason": "timeout"}'));
select * from test.messages where body = 'callback first';
select outcome, reason, sid, resolved_by from test.ledger where body = 'callback first';
call test.emit('callback, then 201');
select body from test.claim(1);
select result from test.record(test.callback('callback, then 201', 'SMcg', 'sent'));
select * from test.complete(1, test.result('callback, then 201', 'accepted', '{"sid": "SMcg", "twilio_status": "queued"}'));
select * from test.messages where body = 'callback, then 201';
select outcome, reason, sid, resolved_by from test.ledger where body = 'callback, then 201';

-- Two batches in one call, in any order; a batch ends with its last result.
call test.queue(1, 'a1');
call test.queue(1, 'a2');
select body from test.claim(1);
call test.queue(1, 'b1');
select body from test.claim(1);
select * from test.complete(1, test.result('b1', 'accepted', '{"sid": "SMb1"}'), test.result('a2', 'accepted', '{"sid": "SMa2"}'));
select open_messages, cardinality(message_ids) from herald.dispatch_batches;
select * from test.complete(1, test.result('a1', 'accepted', '{"sid": "SMa1"}'));
select count(*) from herald.dispatch_batches;
-- A result named twice counts once; one of an older attempt beside it changes nothing.
call test.queue(1, 'twice');
select body from test.claim(1);
select test.result('twice', 'not_sent') as old \gset
select * from test.complete(1, test.result('twice', 'not_sent'), test.result('twice', 'not_sent'));
call test.wait();
select body, attempt from test.claim(1);
select * from test.complete(1, :'old', test.result('twice', 'accepted', '{"sid": "SMt"}'), test.result('twice', 'accepted', '{"sid": "SMt"}'));
select body, attempt, outcome, sid from test.ledger where body = 'twice' order by attempt;
select count(*) from herald.dispatch_batches;
-- Another worker's batch is none of its business.
call test.queue(1, 'other worker');
select body from test.claim(1);
select * from test.complete(2, test.result('other worker', 'accepted', '{"sid": "SMo"}'));
select body, status from test.messages where body = 'other worker';
select * from test.complete(1, test.result('other worker', 'accepted', '{"sid": "SMo"}'));
