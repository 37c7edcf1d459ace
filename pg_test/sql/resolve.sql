-- Doubts: taken to be looked for, found, absent once and twice, ambiguous, by policy, and by an operator's hand.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain', 'test.once', 'test.alarm');
call test.subscriber(2);
call test.type('test.plain');
insert into herald.notification_event_types (event_type, unknown_policy) values ('test.once', 'at_most_once'), ('test.alarm', 'at_least_once');
create procedure test.expire() language sql as $$ update herald.dispatch_batches set lease_until = now() - interval '1 second' $$;
-- The wait is over.
create procedure test.hasten() language sql as $$
    update herald.sms_send_attempts
    set resolve_at = case when resolve_at is not null then now() end, absent_at = absent_at - interval '1 hour'
$$;
create table test.looks (claim_id uuid, message_id uuid, attempt integer, body text, settle boolean);
create function test.look() returns table (body text, attempt integer, to_number text, refused_before integer, settle boolean) language sql as $$
    with claimed as (select * from claim_unknown_sms_messages(100)),
    noted as (
        delete from test.looks
    ),
    looks as (
        insert into test.looks (claim_id, message_id, attempt, body, settle) select c.claim_id, c.message_id, c.attempt, c.body, c.settle from claimed c
    )
    select c.body, c.attempt, c.to_number, c.refused_before, c.settle from claimed c order by c.body, c.attempt
$$;
create function test.verdict(body text, verdict text, more jsonb default '{}') returns jsonb language sql stable as $$
    select jsonb_build_object('claim_id', l.claim_id, 'message_id', l.message_id, 'attempt', l.attempt, 'verdict', verdict) || more
    from test.looks l where l.body = verdict.body and l.settle
$$;
create function test.settle(variadic results jsonb[]) returns table (body text, attempt integer, outcome text) language sql as $$
    select m.message_content, c.attempt, c.outcome
    from complete_unknown_sms_messages(to_jsonb(results)) c join herald.sms_messages m on m.id = c.message_id order by 1, 2
$$;
create view test.ledger as
    select m.message_content as body, a.attempt, a.outcome, a.reason, a.sid, a.resolved_by, a.resolve_at is not null as in_doubt,
           a.absent_at is not null as absent_once, a.poll_at is not null as is_polled
    from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id;

-- An unknown outcome waits before it is looked for.
call test.queue(1, 'a');
call test.queue(1, 'b');
call test.queue(2, 'c');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('a', 'unknown', '{"reason": "timeout", "elapsed_ms": 35000}'), test.result('b', 'unknown', '{"http_status": 500}'),
                               test.result('c', 'unknown', '{"reason": "reset"}'));
select body, outcome, in_doubt from test.ledger order by body;
select m.message_content, round(extract(epoch from a.resolve_at - a.finished_at)) as waits from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id order by 1;
select * from test.look();
select state, messages from herald_queue_stats() where state = 'unknown';
select m.message_content, u.attempt, u.reason, u.http_status, u.absent_once from herald.unknown_messages u join herald.sms_messages m on m.id = u.message_id order by 1;

-- Then it is taken once; another daemon gets nothing.
call test.hasten();
select * from test.look();
select bool_and(claim_id is not null) as claimed from test.looks;
select count(*) from claim_unknown_sms_messages(100);
-- Found: adopted like a callback. Absent: looked for again. A list that failed: later.
select * from test.settle(test.verdict('a', 'found', jsonb_build_object('sid', test.sid(1), 'status', 'sent')), test.verdict('b', 'absent'), test.verdict('c', 'failed'));
select * from test.ledger order by body;
select body, status, has_sid, is_queued from test.messages order by body;
select message_status, result, params from herald.twilio_callbacks;
-- What was written once does not count again.
select * from test.settle(test.verdict('a', 'found', jsonb_build_object('sid', test.sid(9), 'status', 'sent')), test.verdict('b', 'absent'));
-- Absent at a second look that came too soon is not enough.
update herald.sms_send_attempts set resolve_at = now() where resolve_at is not null;
select * from test.look();
select * from test.settle(test.verdict('b', 'absent'), test.verdict('c', 'ambiguous'));
select * from test.ledger order by body;
-- Far enough apart: not sent, and sent again.
call test.hasten();
select * from test.look();
select * from test.settle(test.verdict('b', 'absent'), test.verdict('c', 'found', jsonb_build_object('sid', test.sid(3), 'status', 'word of tomorrow')));
select * from test.ledger order by body;
select body, status, attempts, has_sid, is_queued from test.messages order by body;
select * from test.claim(1);
select * from test.complete(1, test.result('b', 'accepted', jsonb_build_object('sid', test.sid(2))));
select owned from herald_owned_sids(array[test.sid(1), test.sid(2), test.sid(3), test.sid(4), null]) owned order by 1;
-- The first attempt was taken after all: known now, and nothing goes back.
select * from test.record(test.callback('b', test.sid(22), 'delivered', null, 1));
select * from test.ledger where body = 'b' order by attempt;
select body, status from test.messages where body = 'b';

-- The ledger keeps a SID from being given to two.
call test.queue(1, 'd');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('d', 'unknown'));
call test.hasten();
select * from test.look();
select * from test.settle(test.verdict('d', 'found', jsonb_build_object('sid', test.sid(1), 'status', 'sent')));
select * from test.ledger where body = 'd';

-- Equal texts to one number come together, with what is on its way to it and what was refused before.
call test.queue(1, 'e');
call test.queue(1, 'e2');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('e', 'rejected', '{"http_status": 400, "error_code": 21617}'), test.result('e2', 'not_sent', '{"http_status": 429, "error_code": 20429}'));
update herald.queue_jobs set run_at = now();
call test.queue(1, 'f');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('e2', 'unknown'));
call test.hasten();
select * from test.look();
select * from test.settle(test.verdict('d', 'failed'), test.verdict('e2', 'absent'));
select * from test.complete(1, test.result('f', 'accepted', jsonb_build_object('sid', test.sid(6))));

-- A lease that ended: the text is not to blame, and keeps its attempt.
call test.queue(2, 'g');
select count(*) from test.claim(1);
call test.expire();
select expire_dispatch_leases();
select body, status, attempts from test.messages where body = 'g';
select resolve_at > now() + interval '100 seconds' as waits from herald.sms_send_attempts where reason = 'lease_expired' and resolve_at is not null;
call test.hasten();
select body from test.look();
select * from test.settle(test.verdict('g', 'absent'));
call test.hasten();
select body from test.look();
select * from test.settle(test.verdict('g', 'absent'));
select body, status, attempts, is_queued from test.messages where body = 'g';
select c.* from herald.sms_messages m, cancel_sms_message(m.id) c where message_content = 'g';

-- Policies. At least once: again at once, and the doubt is over; at most once: never again.
select emit_notification_event('test.alarm', payload => '{"message": "alarm"}') is not null, emit_notification_event('test.once', payload => '{"message": "once"}') is not null;
select body from test.claim(1) where body in ('alarm', 'once');
select * from test.complete(1, test.result('alarm', 'unknown', '{"reason": "timeout"}'), test.result('once', 'unknown', '{"reason": "timeout"}'));
select body, status, attempts, delivery, is_queued from test.messages where body in ('alarm', 'once') order by body;
select * from test.ledger where body in ('alarm', 'once') order by body;
select body, attempt from test.claim(1);
call test.expire();
select expire_dispatch_leases();
select * from test.ledger where body = 'alarm' order by attempt;
select body, attempt from test.claim(1);
-- A callback of the first still settles it.
select * from test.record(test.callback('alarm', test.sid(70), 'sent', null, 1));
select * from test.ledger where body = 'alarm' order by attempt;
-- No attempt is left for another: now it is found out.
select * from test.complete(1, test.result('alarm', 'unknown'));
select body, status, attempts, delivery, is_queued from test.messages where body = 'alarm';
call test.hasten();
select body, attempt from test.look();
select * from test.settle(test.verdict('alarm', 'absent'), test.verdict('once', 'absent'));
call test.hasten();
select body, attempt from test.look();
select * from test.settle(test.verdict('alarm', 'absent'), test.verdict('once', 'absent'));
select body, status, attempts, delivery, is_queued from test.messages where body in ('alarm', 'once') order by body;
select event_type, status, attempt_count, reason from herald.dead_letters where event_type is not null order by event_type;

-- Dead letters get another chance.
select count(*) from requeue_sms_messages((select array_agg(message_id) from herald.dead_letters where event_type is not null));
select body, status, attempts, delivery, is_queued from test.messages where body in ('alarm', 'once') order by body;
select count(*) from requeue_sms_messages(array[test.person(1), null]);
select body, attempt from test.claim(1);
select * from test.complete(1, test.result('alarm', 'accepted', jsonb_build_object('sid', test.sid(71))), test.result('once', 'unknown'));

-- By hand.
select * from test.error($$select resolve_sms_message(test.person(1), 'accepted', 'SM1')$$);
create function test.resolve(body text, outcome text, sid text default null) returns setof text language sql as
    $$ select test.error(format('select resolve_sms_message(%L, %L, %L)', (select id from herald.sms_messages where message_content = body), outcome, sid)) $$;
select * from test.resolve('alarm', 'not_sent');
select * from test.resolve('once', 'maybe');
select * from test.resolve('once', 'accepted');
select * from test.resolve('once', 'not_sent', 'SM1');
select * from test.resolve('once', 'accepted', test.sid(71));
select resolve_sms_message(id, 'accepted', test.sid(72)) from herald.sms_messages where message_content = 'once';
select resolve_sms_message(id, 'not_sent') from herald.sms_messages where message_content = 'd';
select * from test.ledger where body in ('d', 'once') order by body, attempt;
select body, status, has_sid, is_queued from test.messages where body in ('d', 'once') order by body;

-- Bad input.
select * from test.error('select claim_unknown_sms_messages(null)');
select * from test.error('select claim_unknown_sms_messages(0)');
select * from test.error('select complete_unknown_sms_messages(null)');
select * from test.error($$select complete_unknown_sms_messages('{}')$$);
select * from test.error($$select complete_unknown_sms_messages('[{"verdict": "not_sent", "claim_id": "", "message_id": "", "attempt": 1}]')$$);
select * from test.error($$select complete_unknown_sms_messages('[{"verdict": "found", "claim_id": "", "message_id": "", "attempt": 1}]')$$);
select * from test.error('select herald_owned_sids(null)');
select * from test.error('select requeue_sms_messages(null)');
select * from test.error($$select resolve_sms_message(null, 'accepted')$$);
select * from test.error('select resolve_sms_message(test.person(1), null)');

-- The settings go together.
select * from test.error($$select herald_set_setting('decision_wait_seconds', '64')$$);
select * from test.error($$select herald_set_setting('late_acceptance_seconds', '91')$$);
select * from test.error($$select herald_set_setting('stale_poll_second_seconds', '300')$$);
select * from test.error($$select herald_set_setting('decision_wait_seconds', '96')$$);
select * from test.error($$select herald_set_setting('clock_skew_seconds', '42')$$);
select * from test.error($$select herald_set_setting('decision_wait_seconds', '97')$$);
update herald.settings set value = '1' where name = 'decision_wait_seconds';
select * from herald.protocol_times;

-- A result that is written long after it came: the doubt goes back to the claim, or the list would lack what Twilio took then.
call test.queue(2, 'late');
select body from test.claim(1);
update herald.dispatch_batches set claimed_at = claimed_at - interval '10 minutes';
select * from test.complete(1, test.result('late', 'unknown', '{"reason": "reset", "elapsed_ms": 500}'));
call test.hasten();
select body, accepted_from < now() - interval '10 minutes' as from_the_claim_on from claim_unknown_sms_messages(100) where settle and body = 'late';
-- What was looked for before comes along with another text to its number: one by one they would stay each other's reason for doubt.
call test.queue(2, 'one');
call test.queue(2, 'two');
select body from test.claim(1);
select * from test.complete(1, test.result('one', 'unknown'), test.result('two', 'unknown'));
update herald.sms_send_attempts a
set finished_at = a.finished_at - interval '1 hour',
    resolve_at = now() + case m.message_content when 'one' then interval '0' else interval '5 seconds' end
from herald.sms_messages m
where m.id = a.message_id and m.message_content in ('one', 'two');
select body, settle from test.look() where body in ('one', 'two');
