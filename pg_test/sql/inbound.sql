-- record_twilio_inbound(): what people text us, and what follows from it in the same transaction.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
-- A text from person n (its words are its id), and what is done about it.
create function test.text(n integer, sid text, body text, more jsonb default '{}') returns jsonb language sql as $$
    select jsonb_build_object('message_sid', sid, 'from', test.phone(n), 'to', '+15005550006', 'body', body,
                              'may_reply', true, 'params', jsonb_build_object('Body', body)) || more
$$;
create function test.inbound(variadic texts jsonb[])
returns table (ordinal integer, result text, keyword text, cancelled integer, in_flight integer, reply text) language sql as
    $$ select * from record_twilio_inbound(to_jsonb(texts)) $$;
create view test.people as
    select test.number(p.user_id) as person, p.opted_out as out, p.opted_out_at is not null as has_time, p.opt_out_reason as reason,
           s.provider_blocked as blocked, s.blocked_sender as sender, s.next_step
    from herald.user_sms_preferences p, get_sms_opt_out_status(p.user_id) s;
create view test.ledger as
    select test.number(user_id) as person, phone_number, kind, source, wording, message_sid, erased_at is not null as erased
    from herald.sms_consent_events order by occurred_at, id;
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');

-- Bad input.
select * from test.error('select record_twilio_inbound(null)');
select * from test.error($$select record_twilio_inbound('{}')$$);
select * from test.error($$select record_twilio_inbound('[{"message_sid": "SM1", "from": "+14155550001"}]')$$);
select * from test.error($$select record_twilio_inbound('[{"message_sid": "SM1", "from": "+14155550001", "to": "+15005550006", "body": 5}]')$$);
select * from test.inbound(variadic '{}');

-- No keyword: stored, and that is all. Once more: nothing.
select * from test.inbound(test.text(1, 'SM-hello', 'Hello there'));
select * from test.inbound(test.text(1, 'SM-hello', 'Hello there'));
select message_sid, from_number, to_number, body, keyword, handled, reply, test.number(user_id) as person, params from herald.sms_inbound_messages;

-- What may be a revocation is marked for somebody to read.
select result from test.inbound(test.text(1, 'SM-maybe', 'Stop it or I will sue you'));
select message_sid, keyword, mentions_stop from herald.sms_inbound_messages order by id;

-- STOP, which Twilio has acted on: everything that waits is cancelled, what is claimed is counted.
select emit_notification_event('test.plain', payload => '{"message": "claimed"}', target_user_id => test.person(1)) is not null as ok;
select body from test.claim(1);
select emit_notification_event('test.plain', payload => '{"message": "waits"}', target_user_id => test.person(1)) is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "tomorrow"}', target_user_id => test.person(1),
                               scheduled_for => now() + interval '1 day') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "for two"}') is not null as ok;
call test.queue(1, 'queued directly');
call test.queue(2, 'somebody else');
select queue_sms_message(test.person(9), test.phone(1), 'by an administrator') is not null as ok;
select result, keyword, cancelled, in_flight, reply from test.inbound(test.text(1, 'SM-stop', 'STOP', '{"done_by_twilio": "STOP"}'));
select body, status, reason, delivery, is_queued from test.messages order by body, status;
select body, reason from test.deliveries where reason is not null order by body;
select * from test.people order by person;
select * from test.ledger;
select handled, keyword, cancelled, in_flight from herald.sms_inbound_messages where message_sid = 'SM-stop';
-- The claimed one comes back for another try, and the gate stops it.
select * from test.complete(1, test.result('claimed', 'not_sent'));
update herald.queue_jobs set run_at = now() where run_at < now() + interval '1 hour';
select body from test.claim(1);
select body, status, reason from test.messages where body = 'claimed';
-- So it does what comes later, whoever sends it.
select emit_notification_event('test.plain', payload => '{"message": "after the stop"}', target_user_id => test.person(1)) is not null as ok;
select status, reason from test.deliveries where event_type = 'test.plain' order by event_id desc limit 1;
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), 'x')$$);
select * from test.error($$select queue_sms_message(test.person(9), test.phone(1), 'x')$$);
-- Twilio reports it again, and the person stops once more.
select * from test.inbound(test.text(1, 'SM-stop', 'STOP', '{"done_by_twilio": "STOP"}'));
select result, cancelled, in_flight from test.inbound(test.text(1, 'SM-stop-2', 'stop'));
select count(*) from test.ledger;

-- The way back: verification alone does not end Twilio's block. START does, and the verification after the STOP counts.
update herald.user_sms_preferences set phone_verified_at = now() where user_id = test.person(1);
select * from test.people where person = 1;
select result, keyword, reply from test.inbound(test.text(1, 'SM-start', 'START', '{"done_by_twilio": "START"}'));
select * from test.people where person = 1;
select count(*) from herald.sms_opt_outs;
-- START when nobody opted out.
select result, keyword, reply from test.inbound(test.text(1, 'SM-start-2', 'yes', '{"done_by_twilio": "START"}'));

-- The other order: START ends the block, verification the rest.
select result from test.inbound(test.text(1, 'SM-stop-3', 'STOP', '{"done_by_twilio": "STOP"}'));
select result from test.inbound(test.text(1, 'SM-start-3', 'START', '{"done_by_twilio": "START"}'));
select out, reason, blocked, next_step from test.people where person = 1;
update herald.user_sms_preferences set phone_verified_at = clock_timestamp() where user_id = test.person(1);
select out, reason, blocked, next_step from test.people where person = 1;
-- With the setting, START is enough; but not one that Twilio does not act on.
select herald_set_setting('start_lifts_opt_out', '1');
select result from test.inbound(test.text(1, 'SM-stop-4', 'STOP', '{"done_by_twilio": "STOP"}'));
select result from test.inbound(test.text(1, 'SM-start-4', 'subscribe'));
select result from test.inbound(test.text(1, 'SM-start-5', 'UNSTOP', '{"done_by_twilio": "START"}'));
select out, blocked from test.people where person = 1;
select herald_set_setting('start_lifts_opt_out', '0');
-- STOP and START in one call, in their order.
select ordinal, result from test.inbound(test.text(2, 'SM-a', 'stop'), test.text(2, 'SM-b', 'Hello'), test.text(2, 'SM-c', 'start'), test.text(2, 'SM-a', 'stop'));
select out, blocked, next_step from test.people where person = 2;

-- Words that only we understand: ours to stop, and one's own verification ends it.
update herald.user_sms_preferences set phone_verified_at = clock_timestamp() where user_id = test.person(2);
call test.queue(2, 'again');
select result, keyword, cancelled, reply from test.inbound(test.text(2, 'SM-wide', 'Please don''t text me anymore!'));
select out, reason, blocked, next_step from test.people where person = 2;
update herald.user_sms_preferences set phone_verified_at = clock_timestamp() where user_id = test.person(2);
select out, reason, blocked, next_step from test.people where person = 2;
-- OptOutType goes before the words.
select result, keyword from test.inbound(test.text(2, 'SM-type', 'adios', '{"opt_out_type": "STOP", "done_by_twilio": "STOP", "messaging_service_sid": "MG1"}'));
select out, reason, blocked, sender from test.people where person = 2;
select result, keyword from test.inbound(test.text(2, 'SM-type-2', 'hola', '{"opt_out_type": "START", "done_by_twilio": "START"}'));
select out, blocked, sender from test.people where person = 2;

-- A number that is nobody's: remembered, and it finds its later owner.
select result, cancelled from test.inbound(test.text(5, 'SM-nobody', 'unsubscribe'));
select count(*) from herald.sms_inbound_messages where user_id is null;
call test.subscriber(5, 'test.plain');
select out, reason, blocked from test.people where person = 5;
select has_sms_available, opted_out from get_user_sms_channel_info(test.person(5));

-- Answers: only where Twilio has not, not often, not fast, never to ourselves.
select result, reply from test.inbound(test.text(6, 'SM-h1', 'HELP', '{"done_by_twilio": "HELP"}'));
select result, reply from test.inbound(test.text(6, 'SM-h2', 'HELP', '{"may_reply": false}'));
select result, reply from test.inbound(test.text(6, 'SM-h3', 'HELP'));
select result, reply from test.inbound(test.text(6, 'SM-h3', 'HELP'));
select result, reply from test.inbound(test.text(6, 'SM-h4', 'help me'));
select herald_set_setting('inbound_reply_interval_seconds', '0');
select ordinal, result, left(reply, 10) as reply from test.inbound(test.text(6, 'SM-h5', 'help'), test.text(6, 'SM-h6', 'help'), test.text(6, 'SM-h7', 'help'));
select result, left(reply, 10) as reply from test.inbound(test.text(7, 'SM-h8', 'help', '{"from": "+15005550006", "to": "+15005550006"}'));
select result, left(reply, 10) as reply from test.inbound(test.text(7, 'SM-h9', 'help', '{"from": "+15005550006", "to": "+15005550007"}'));
select result, left(reply, 10) as reply from test.inbound(test.text(7, 'SM-h10', 'help', '{"from": "55555"}'));
select result, reply from test.inbound(test.text(7, 'SM-s1', 'start'));
select herald_set_setting('inbound_stop_reply', '"You get no more texts."');
select result, reply from test.inbound(test.text(7, 'SM-s2', 'please stop'));
select herald_set_setting('inbound_help_reply', '""');
select result, reply from test.inbound(test.text(8, 'SM-h11', 'help'));
-- Nobody who is blocked is answered.
select herald_set_setting('inbound_help_reply', '"Acme: reply STOP to stop."');
select result, reply from test.inbound(test.text(8, 'SM-h12', 'help'));
select result from test.inbound(test.text(8, 'SM-s3', 'stop', '{"done_by_twilio": "STOP"}'));
select result, reply from test.inbound(test.text(8, 'SM-h13', 'help'));
