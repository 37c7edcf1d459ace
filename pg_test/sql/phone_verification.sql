-- Phone verification in the database: start, confirm, what Verify says, and what follows; the daemon is played by hand.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
-- At any time of the day.
alter table herald.user_sms_preferences alter quiet_hours_start set default '00:00', alter quiet_hours_end set default '00:00';
-- A start or a code as the daemon takes it; ids stay hidden.
create table test.taken (place integer generated always as identity, verification_id uuid, claim integer, step text, phone_number text, verification_sid text, code text);
create function test.take(worker integer default 1) returns table (step text, phone_number text, sid text, code text) language sql as $$
    with t as (
        insert into test.taken (verification_id, claim, step, phone_number, verification_sid, code)
        select verification_id, claim, step, phone_number, verification_sid, code from claim_phone_verifications(test.worker(worker), 10)
        returning *)
    select t.step, t.phone_number, t.verification_sid, t.code from t order by t.place
$$;
create function test.say(verdict text, details jsonb default '{}', worker integer default 1) returns table (applied boolean, status text, reason text) language sql as $$
    select c.* from (select * from test.taken order by place desc limit 1) t, complete_phone_verification(test.worker(worker), t.verification_id, t.claim, verdict, details) c
$$;
create view test.verifications as
    select test.number(user_id) as person, phone_number, status, failure_reason as reason, attempts, sent_count, verification_sid as sid, error_code as code
    from herald.phone_verifications order by created_at, id;
create function test.state(n integer) returns table (phone_number text, status text, reason text, attempts integer) language sql as
    $$ select phone_number, status, reason, attempts from get_phone_verification(test.person(n)) $$;
-- start and confirm, each in a transaction of its own.
create function test.start(n integer, number text default null) returns boolean language sql as
    $$ select start_phone_verification(test.person(n), coalesce(number, test.phone(n))) is not null $$;

-- The whole way.
select * from test.state(1);
select test.start(1, ' +1 (415) 555-0001 ');
select * from test.state(1);
select confirm_phone_verification(test.person(1), '123456');
select * from test.take();
select * from test.take();
select * from test.say('sent', '{"sid": "VE1"}');
select * from test.state(1);
select count(*) from herald.queue_jobs;
-- Nothing is written to the user's own row before the proof.
select count(*) from herald.user_sms_preferences;
select confirm_phone_verification(test.person(1), '000 000');
select * from test.state(1);
select confirm_phone_verification(test.person(1), '123456');
select * from test.take();
-- The code is not in the database any more.
select count(*) from herald.phone_verification_codes;
select * from test.say('wrong_code');
select * from test.state(1);
select confirm_phone_verification(test.person(1), '123-456');
select * from test.take();
select * from test.say('approved');
select * from test.state(1);
select test.number(user_id) as person, phone_number, phone_verified, phone_verified_at = now() is not null as has_time, opted_out from herald.user_sms_preferences;
select test.number(user_id) as person, phone_number, kind, source, wording from herald.sms_consent_events;
select event_type, person, status, reason, body, priority from test.deliveries;
select count(*) as welcome_jobs from herald.queue_jobs where job_type = 'send_sms';
select * from herald.phone_verification_codes;
select confirm_phone_verification(test.person(1), '123456');
select * from test.claim(1);

-- A later answer of a claim that is over changes nothing.
select * from test.say('wrong_code');
select status from test.state(1);

-- Each refusal of a start.
create function test.refusal(n integer, verdict text, code integer default null) returns table (applied boolean, status text, reason text) language plpgsql as $$
begin
    perform test.start(n);
    perform test.take();
    return query select * from test.say(verdict, jsonb_build_object('error_code', code, 'error_message', 'words'));
end
$$;
select * from test.refusal(10, 'landline', 60205);
select * from test.refusal(11, 'prefix_blocked', 60410);
select * from test.refusal(12, 'country_blocked', 60605);
select * from test.refusal(13, 'number_invalid', 60200);
select * from test.refusal(14, 'too_many_starts', 60203);
select * from test.refusal(15, 'service_failure', 20003);
select * from test.verifications where person between 10 and 15;
select count(*) from herald.queue_jobs where job_type = 'verify';

-- Busy, or nobody knows: the start is made again, and given up after four times.
select * from test.refusal(16, 'retry', 60212);
select q.run_at - v.updated_at as again_in, q.attempt from herald.queue_jobs q join herald.phone_verifications v on v.id = q.subject_id;
create procedure test.hasten() language sql as $$ update herald.queue_jobs set run_at = now() where job_type = 'verify' $$;
call test.hasten(); select * from test.take(); select * from test.say('retry');
call test.hasten(); select * from test.take(); select * from test.say('retry');
call test.hasten(); select * from test.take(); select * from test.say('retry');
select count(*) from herald.queue_jobs where job_type = 'verify';

-- A check that came to nothing: the same code may be tried again, and it does not count against the person.
select test.start(17); select * from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(17), '1234'); select * from test.take(); select * from test.say('retry');
select * from test.state(17);
select confirm_phone_verification(test.person(17), '1234'); select * from test.take(); select * from test.say('service_failure', '{"error_code": 20003}');
select * from test.state(17);
select confirm_phone_verification(test.person(17), '1234'); select * from test.take(); select * from test.say('expired');
select * from test.state(17);
select confirm_phone_verification(test.person(17), '1234');
select test.start(17); select * from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(17), '1234'); select * from test.take(); select * from test.say('too_many_checks', '{"error_code": 60202}');
select * from test.state(17);

-- A daemon that dies: a start is taken again, by anybody; a check goes back to the person, since its code is gone.
select test.start(18); select step from test.take(); select count(*) from test.take(2);
call test.hasten(); select step from test.take(2);
select * from test.say('sent', '{}', 1);
select * from test.say('sent', '{}', 2);
select confirm_phone_verification(test.person(18), '1234'); select step, code from test.take(2);
call test.hasten(); select count(*) from test.take(1);
select * from test.state(18);
select * from test.say('approved', '{}', 2);
select confirm_phone_verification(test.person(18), '1234'); select confirm_phone_verification(test.person(18), '4321'); select step, code from test.take(1);
select * from test.say('approved');

-- What comes too late is not sent any more.
select test.start(19);
update herald.phone_verifications set expires_at = now() - interval '1 second' where user_id = test.person(19);
select count(*) from test.take();
select * from test.state(19);
select test.start(19); select * from test.take(); select * from test.say('sent');
update herald.phone_verifications set expires_at = now() where user_id = test.person(19) and status = 'pending';
select * from test.state(19);
select confirm_phone_verification(test.person(19), '1234');
select confirm_phone_verification(test.person(19), '1234');

-- A second start supersedes the first, whose answer then changes nothing.
select test.start(20); select step from test.take();
select test.start(20, '+14155552020');
select * from test.say('sent');
select * from test.verifications where person = 20;
select * from test.take(); select * from test.say('sent');
select status, phone_number from test.state(20);

-- A number that was verified stays in use until another one is proven.
select test.start(1, '+14155559001'); select step from test.take(); select * from test.say('sent');
select phone_number, phone_verified from get_user_sms_channel_info(test.person(1));
select confirm_phone_verification(test.person(1), '1234'); select step from test.take(); select * from test.say('approved');
select phone_number, phone_verified from get_user_sms_channel_info(test.person(1));

-- A verified number belongs to one user: refused at the start, and once more at the end.
select test.start(21, '+14155559001');
select * from test.state(21);
select test.start(22, '+14155552200'); select step from test.take(); select * from test.say('sent');
call test.subscriber(23);
update herald.user_sms_preferences set phone_number = '+14155552200' where user_id = test.person(23);
select confirm_phone_verification(test.person(22), '1234'); select step from test.take(); select * from test.say('approved');
select * from test.state(22);
select count(*) from herald.user_sms_preferences where phone_number = '+14155552200';
select remove_phone_number(test.person(23)), remove_phone_number(test.person(23));
select test.start(22, '+14155552200'); select step from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(22), '1234'); select step from test.take(); select * from test.say('approved');

-- Only countries that are allowed; only numbers.
select test.start(24, '+49 151 55559999');
select * from test.state(24);
select * from test.error($$select test.start(24, '4155550024')$$);
select * from test.error($$select test.start(24, 'call me')$$);
select * from test.error($$select test.start(24, '+1 415 555 002')$$);
select * from test.error($$select test.start(24, '+999 12345678')$$);
select * from test.error($$select test.start(24, '+1 900 555 0123')$$);
select herald_set_setting('default_region', '"US"');
select test.start(24, '(415) 555-0024');
select * from test.state(24);
select herald_set_setting('default_region', '"Atlantis"');
select * from test.error($$select test.start(24, '4155550024')$$);
select herald_set_setting('default_region', '""');
select confirm_phone_verification(test.person(24), '12'), confirm_phone_verification(test.person(24), 'abcdef'), confirm_phone_verification(test.person(99), '123456');

-- Five starts an hour, per user and per number; the refusals do not pile up.
select test.start(30, '+1415555300' || n) from generate_series(1, 7) n;
select phone_number, status, reason from test.verifications where person = 30;
select test.start(30 + n, '+14155553100') from generate_series(1, 6) n;
select person, status, reason from test.verifications where phone_number = '+14155553100';
update herald.phone_verification_tries set tried_at = now() - interval '1 hour';
select test.start(30), test.start(36, '+14155553100');
select person, status, reason from test.verifications where person in (30, 36) and status = 'starting';
select count(*) as tries from herald.phone_verification_tries where user_id in (test.person(30), test.person(36));
delete from herald.queue_jobs where job_type = 'verify';

-- Five checks an hour, per user and per number.
create procedure test.wrong(n integer) language plpgsql as $$
begin
    perform confirm_phone_verification(test.person(n), '1234'); perform test.take(); perform test.say('wrong_code');
end
$$;
select test.start(40); select step from test.take(); select * from test.say('sent');
call test.wrong(40); call test.wrong(40); call test.wrong(40); call test.wrong(40); call test.wrong(40);
select confirm_phone_verification(test.person(40), '1234');
select * from test.state(40);
select test.start(41, test.phone(40)); select step from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(41), '1234');
select herald_set_setting('verify_checks_per_hour', '6');
select confirm_phone_verification(test.person(41), '1234');
select * from test.take(); select * from test.say('wrong_code');

-- Verifying again opts in again; the opt-out's own row is the same.
call test.subscriber(50);
update herald.user_sms_preferences set opted_out = true, opted_out_at = now(), opt_out_reason = 'inbound_stop' where user_id = test.person(50);
select test.start(50); select step from test.take(); select * from test.say('sent');
select has_sms_available, opted_out from get_user_sms_channel_info(test.person(50));
select confirm_phone_verification(test.person(50), '1234'); select step from test.take(); select * from test.say('approved');
select has_sms_available, opted_out from get_user_sms_channel_info(test.person(50));

-- Whoever does not want the welcome does not get it; a broken one does not undo the proof.
select unsubscribe(test.person(50), 'user.welcome');
select test.start(50); select step from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(50), '1234'); select step from test.take(); select * from test.say('approved');
select status, reason from test.deliveries where person = 50 order by event_id;
update herald.notification_event_types set template_key = 'missing', strict = true where event_type = 'user.welcome';
select test.start(51); select step from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(51), '1234'); select step from test.take();
\set VERBOSITY terse
set client_min_messages = error;
select * from test.say('approved');
reset client_min_messages;
delete from herald.notification_event_types where event_type = 'user.welcome';
select test.start(52); select step from test.take(); select * from test.say('sent');
select confirm_phone_verification(test.person(52), '1234'); select step from test.take(); select * from test.say('approved');
select count(*) from herald.notification_events where target_user_id in (test.person(51), test.person(52));

-- Taken over with evidence.
select import_verified_number(test.person(60), '+1 415 555 0060', 'signed on paper, 2026-01-05');
select phone_number, phone_verified, phone_verified_at is not null as has_time, opted_out from get_user_sms_channel_info(test.person(60));
select kind, source, wording from herald.sms_consent_events where user_id = test.person(60);
select * from test.error($$select import_verified_number(test.person(61), test.phone(60), 'signed')$$);
select * from test.error($$select import_verified_number(test.person(61), test.phone(61), ' ')$$);
select * from test.error($$select import_verified_number(test.person(61), '4155550061', 'signed')$$);
call test.subscriber(62);
update herald.user_sms_preferences set opted_out = true where user_id = test.person(62);
select * from test.error($$select import_verified_number(test.person(62), test.phone(62), 'signed')$$);
select * from test.error($$select import_verified_number(test.person(62), '+14155559062', 'signed')$$);

-- Bad calls.
select * from test.error($$select complete_phone_verification(test.worker(1), test.person(1), 1, 'perhaps')$$);
select * from test.error($$select claim_phone_verifications(test.worker(1), 0)$$);
select * from complete_phone_verification(test.worker(1), test.person(1), 1, 'approved');

-- No code waits, and none is in a text, an event or a payload.
select count(*) from herald.phone_verification_codes;
