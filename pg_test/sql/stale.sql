-- Silence: accepted texts of which nothing final is heard are asked about, ever more rarely, and not for ever.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1);
create table test.asked (message_id uuid, attempt integer, sid text);
create function test.ask(most integer default 100) returns setof text language sql as $$
    with claimed as (select * from claim_stale_sms_messages(most)),
    noted as (insert into test.asked select * from claimed)
    select m.message_content from claimed join herald.sms_messages m on m.id = claimed.message_id order by 1
$$;
create function test.say(body text, verdict text, more jsonb default '{}') returns integer language sql as $$
    select complete_stale_sms_messages(jsonb_build_array(
        jsonb_build_object('message_id', a.message_id, 'attempt', a.attempt, 'sid', a.sid, 'verdict', verdict) || more))
    from (select distinct asked.* from test.asked join herald.sms_messages m on m.id = asked.message_id where m.message_content = body) a
$$;
-- Time goes by.
create procedure test.later(amount interval) language sql as $$
    update herald.sms_send_attempts set finished_at = finished_at - amount, started_at = started_at - amount, poll_at = poll_at - amount;
    update herald.watermarks set reached_at = reached_at - amount;
$$;
create view test.polls as
    select m.message_content as body, m.status, round(extract(epoch from a.poll_at - a.finished_at) / 60) as minutes
    from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id;

do $$ begin for n in 1..5 loop call test.queue(1, 'text ' || n); end loop; end $$;
select count(*) from test.claim(1);
select count(*) from test.claims c, lateral test.complete(1, test.result(c.body, 'accepted', jsonb_build_object('sid', test.sid(c.place), 'twilio_status', 'queued')));
select * from test.ask();
call test.later('4 minutes');
select * from test.ask();
-- Whoever has heard the end is not asked about.
select * from test.record(test.callback('text 1', test.sid(1), 'delivered'), test.callback('text 2', test.sid(2), 'sent'));
call test.later('61 seconds');
select * from test.ask(2);
select * from test.ask(100);
select * from test.ask();
select * from test.polls order by body;
-- What Twilio says counts like a callback.
select test.say('text 2', 'found', '{"status": "sent"}'), test.say('text 3', 'found', '{"status": "delivered"}'), test.say('text 4', 'failed'), test.say('text 5', 'gone');
select * from test.polls order by body;
select message_status, result, params from herald.twilio_callbacks where params ? 'source' order by received_at, message_sid;
call test.later('1 minute');
select * from test.ask();
select test.say('text 4', 'found', '{"status": "undelivered", "error_code": 30003}');
call test.later('1 hour');
select * from test.ask();
select test.say('text 2', 'found', '{"status": "sent"}');
select * from test.polls order by body;
call test.later('1 day');
select * from test.ask();
select test.say('text 2', 'found', '{"status": "sent"}');
select * from test.polls where body = 'text 2';
call test.later('2 days');
select * from test.ask();
select test.say('text 2', 'found', '{"status": "sent"}');
-- That was the last time.
select * from test.polls order by body;
call test.later('30 days');
select * from test.ask();
-- A daemon that never came back is followed by another.
call test.queue(1, 'text 6');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('text 6', 'accepted', jsonb_build_object('sid', test.sid(6))));
call test.later('6 minutes');
select * from test.ask();
select * from test.ask();
call test.later('6 minutes');
select * from test.ask();

select * from test.error('select claim_stale_sms_messages(null)');
select * from test.error('select claim_stale_sms_messages(1001)');
select * from test.error('select complete_stale_sms_messages(null)');
select * from test.error($$select complete_stale_sms_messages('[{"verdict": "absent"}]')$$);
