-- queue_sms_message(): one text outside of any event.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1);
call test.subscriber(2);
insert into herald.user_sms_preferences (user_id, phone_number) values (test.person(3), test.phone(3));
create view test.queued as
    select m.message_content as body, m.status, m.priority, q.priority as rank, q.run_at <= now() as is_due, m.encoding, m.segments, m.by_admin, m.metadata
    from herald.sms_messages m join herald.queue_jobs q on q.subject_id = m.id order by m.id;

-- All priorities; every form of the call.
select queue_sms_message(test.person(1), test.phone(1), 'hello') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'urgent', 'urgent') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'high', 'high') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'low', 'low', null, '{"campaign": 7}') is not null as ok;
select queue_sms_message(p_user_id => test.person(1), p_phone_number => test.phone(1), p_message => 'named', p_metadata => '[1]') is not null as ok;
-- Any time ahead; what is past is now.
select queue_sms_message(test.person(1), test.phone(1), 'in 6 minutes', 'normal', now() + interval '6 minutes') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'in a year', 'normal', now() + interval '1 year') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'yesterday', 'normal', now() - interval '1 day') is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'never', 'normal', 'infinity') is not null as ok;
-- Segments.
select queue_sms_message(test.person(1), test.phone(1), repeat('€', 81)) is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), repeat('ж', 71)) is not null as ok;
select left(body, 12) as body, status, priority, rank, is_due, encoding, segments, by_admin, metadata from test.queued;
select body, to_number, priority from test.claim(1, 3);

-- Numbers are taken as they are; nothing is guessed.
select * from test.error($$select queue_sms_message(test.person(1), '4155550001', 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), '+1 415 555 0001', 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), '+0155550001', 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), '+14155550001234567', 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), '', 'hello')$$);
-- Texts have 1 to 1600 characters, and not only blanks.
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), '')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), E' \n\t')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), repeat('x', 1601))$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), repeat('x', 1600))$$);
-- Priorities are a closed list.
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), 'hello', 'extreme')$$);

-- Without the administrator's mark only the user's own verified number.
set client_min_messages = warning;
drop role if exists regress_herald_app;
reset client_min_messages;
create role regress_herald_app;
select herald_grant('app', 'regress_herald_app');
grant usage on schema test to regress_herald_app;
set role regress_herald_app;
select queue_sms_message(test.person(2), test.phone(2), 'own number') is not null as ok;
select * from test.error($$select queue_sms_message(test.person(2), test.phone(1), 'another user''s number')$$);
select * from test.error($$select queue_sms_message(test.person(2), '+14155550100', 'a stranger')$$);
select * from test.error($$select queue_sms_message(test.person(3), test.phone(3), 'not verified')$$);
select * from test.error($$select queue_sms_message(test.person(9), test.phone(2), 'unknown user')$$);
reset role;
-- With it any number, but for those that opted out, whoever's they are.
select queue_sms_message(test.person(2), '+14155550100', 'a stranger') is not null as ok;
select queue_sms_message(test.person(9), test.phone(3), 'unknown user') is not null as ok;
select body, by_admin from test.queued where by_admin;
update herald.user_sms_preferences set opted_out = true where user_id in (test.person(2), test.person(3));
select * from test.error($$select queue_sms_message(test.person(2), test.phone(2), 'opted out')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(3), 'opted out, not verified')$$);
set role regress_herald_app;
select * from test.error($$select queue_sms_message(test.person(2), test.phone(2), 'opted out')$$);
reset role;
drop owned by regress_herald_app;
drop role regress_herald_app;
