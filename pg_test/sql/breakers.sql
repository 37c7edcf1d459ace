-- Breakers: what is out of order is paused once, texts wait and keep their attempts, one is tried, the operator can end it.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
-- At any time of the day.
alter table herald.user_sms_preferences alter quiet_hours_start set default '00:00', alter quiet_hours_end set default '00:00';
call test.subscriber(1);
create view test.breakers as
    select scope, key, surface, error_code, severity, failures, pause_seconds as pause, resume_at - now() between make_interval(secs => pause_seconds - 20) and make_interval(secs => pause_seconds) as waits,
           probed_at is not null as probed, closed_by
    from herald.breakers order by opened_at, scope, key;
create procedure test.pause_is_over() language sql as $$ update herald.breakers set resume_at = now() where closed_at is null $$;
create procedure test.due() language sql as $$ update herald.queue_jobs set run_at = now() where run_at > now() $$;
create function test.refused(body text, code integer, http integer default 400) returns jsonb language sql stable as
    $$ select test.result(body, 'rejected', jsonb_build_object('http_status', http, 'error_code', code, 'sender', 'MG1')) $$;
create procedure test.clear() language sql as $$ delete from herald.breakers; delete from herald.queue_jobs; delete from herald.dispatch_batches; $$;

-- The account: two texts are on their way when the credentials are refused. One breaker, and no attempt is used up.
call test.queue(1, 'a1');
call test.queue(1, 'a2');
call test.queue(1, 'a3');
select body from test.claim(1, 2);
select * from test.complete(1, test.refused('a1', 20003, 401), test.refused('a2', 20003, 401));
select * from test.breakers;
select body, status, attempts, is_queued from test.messages order by body;
-- Nothing is claimed, whatever is due, and the daemon need not look before the pause is over.
call test.due();
select * from test.claim(1);
select herald_next_due() = (select resume_at from herald.breakers) as waits;
select scope, key, error_code, severity, failures, reason <> '' as has_reason, advice <> '' as has_advice, resume_at > now() as waits from herald_breakers();
-- Over: one text and no more. It fails again: the next pause is twice as long. What had been on its way long before changes nothing.
call test.pause_is_over();
select body from test.claim(1);
select * from test.claim(1);
select * from test.breakers;
select body, attempt, status from test.complete(1, test.refused('a3', 20003, 401));
select * from test.breakers;
-- Up to the longest.
update herald.breakers set pause_seconds = 3000;
call test.pause_is_over();
call test.due();
select count(*) from test.claim(1);
select count(*) from test.complete(1, (select test.refused(body, 20003, 401) from test.claims order by place desc limit 1));
select failures, pause, waits from test.breakers;
-- It goes through: closed, and everything flows.
call test.pause_is_over();
call test.due();
select count(*) from test.claim(1);
select status from test.complete(1, (select test.result(body, 'accepted', '{"sid": "SMa", "http_status": 201}') from test.claims order by place desc limit 1));
select closed_by from test.breakers;
select count(*) from test.claim(1);
call test.clear();

-- A try whose end nobody knows: no failure until the pause is over again closes it.
call test.queue(1, 'b1');
call test.queue(1, 'b2');
call test.queue(1, 'b3');
select count(*) from test.claim(1, 1);
select status from test.complete(1, test.refused('b1', 21606));
select * from test.breakers;
call test.pause_is_over();
select body from test.claim(1);
select * from test.complete(1, test.result('b2', 'unknown'));
call test.pause_is_over();
select body from test.claim(1);
select closed_by from test.breakers;
call test.clear();

-- A try that is suppressed is none: the next text is tried, at once.
call test.subscriber(2);
call test.queue(2, 'c1');
call test.queue(1, 'c2');
call test.queue(1, 'c3');
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(2);
insert into herald.breakers (scope, key, surface, reason, severity, attempt_at, pause_seconds, max_pause_seconds, resume_at)
values ('account', '', 'request', 'test', 'critical', now(), 60, 3600, now());
select body from test.claim(1);
select body from test.claim(1);
call test.clear();

-- A country: the others go on. Its texts wait for the end of the pause; then one is tried.
select herald_set_setting('allowed_country_prefixes', '["+1", "+44"]');
insert into herald.user_notification_preferences (user_id, sms_enabled) values (test.person(3), true);
insert into herald.user_sms_preferences (user_id, phone_number, phone_verified) values (test.person(3), '+447700900123', true);
create procedure test.british(body text) language plpgsql as $$ begin perform queue_sms_message(test.person(3), '+447700900123', body); end $$;
call test.british('d1');
select body from test.claim(1);
select status from test.complete(1, test.refused('d1', 21408));
select * from test.breakers;
call test.british('d2');
call test.british('d3');
call test.queue(1, 'd4');
select body from test.claim(1);
select body, status, attempts, is_queued from test.messages where body like 'd%' order by body;
select m.message_content as body, q.run_at = (select resume_at from herald.breakers) as waits, q.attempt
from herald.queue_jobs q join herald.sms_messages m on m.id = q.subject_id where m.message_content in ('d2', 'd3') order by 1;
call test.pause_is_over();
call test.due();
select count(*) from test.claim(1);
select count(*) from test.claim(1);
select probed, waits from test.breakers;
select count(*) as waiting from herald.queue_jobs where run_at = (select resume_at from herald.breakers);
-- Accepted, but by another country: still open. Accepted by this one: closed.
call test.queue(1, 'd5');
select body from test.claim(1);
select status from test.complete(1, test.result('d5', 'accepted', '{"sid": "SMd5"}'));
select closed_by from test.breakers;
select status from test.complete(1, (select test.result(c.body, 'accepted', '{"sid": "SMd"}') from test.claims c where to_number like '+44%' order by place desc limit 1));
select closed_by from test.breakers;
call test.clear();

-- A sender, by what a callback says: that Twilio accepts proves nothing; that nothing fails until the next look does.
call test.queue(1, 'e1');
select body from test.claim(1);
select status from test.complete(1, test.result('e1', 'accepted', '{"sid": "SMe1"}'));
select result from test.record(test.callback('e1', 'SMe1', 'undelivered', 30034) || '{"params": {"MessagingServiceSid": "MG1", "From": "+15005550006"}}');
select * from test.breakers;
select body, status, attempts, is_queued from test.messages where body = 'e1';
call test.pause_is_over();
call test.due();
select body from test.claim(1);
select status from test.complete(1, test.result('e1', 'accepted', '{"sid": "SMe2"}'));
select closed_by from test.breakers;
select result from test.record(test.callback('e1', 'SMe2', 'undelivered', 30034, 2) || '{"params": {"MessagingServiceSid": "MG1"}}');
select * from test.breakers;
call test.pause_is_over();
call test.due();
select body from test.claim(1);
select status from test.complete(1, test.result('e1', 'accepted', '{"sid": "SMe3"}'));
call test.pause_is_over();
select body from test.claim(1);
select closed_by from test.breakers;
call test.clear();

-- A queue that is full pauses the sender for the time its rule names.
call test.queue(1, 'f1');
select body from test.claim(1);
select status from test.complete(1, test.refused('f1', 21611, 429));
select scope, key, pause from test.breakers;

-- The operator: closes, and what waits is due.
select * from test.error($$select resume_sending(null)$$);
select * from test.error($$select resume_sending('planet')$$);
select * from test.error($$select resume_sending('message')$$);
select resume_sending('account'), resume_sending('sender', 'MG2');
select body from test.claim(1);
select resume_sending('sender', 'MG1');
select closed_by from test.breakers;
select body from test.claim(1);
select resume_sending('sender');
call test.clear();
call test.british('g1');
select body from test.claim(1);
select status from test.complete(1, test.refused('g1', 21408));
call test.british('g2');
select body from test.claim(1);
select resume_sending('country');
select count(*) from test.claim(1);
