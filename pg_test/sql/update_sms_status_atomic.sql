-- update_sms_status_atomic(): the origins function, working.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
select emit_notification_event('test.plain', payload => '{"message": "a"}', priority => 'high') is not null as ok;
select count(*) from test.claim(1);
select * from test.complete(1, test.result('a', 'accepted', '{"sid": "SM1"}'));
create function test.update(body text, sid text, word text, mapped text default null, code integer default null, message text default null)
returns table (has_delivery boolean, person integer, sent boolean, delivered boolean, attempts integer, most integer, priority text,
               updated_sms boolean, updated_delivery boolean) language sql as $$
    select u.notification_delivery_id is not null, test.number(u.user_id), u.sent_at is not null, u.delivered_at is not null,
           u.attempt_count, u.max_attempts, u.priority, u.updated_sms, u.updated_delivery
    from update_sms_status_atomic((select id from herald.sms_messages m where m.message_content = body), sid, word, mapped, code, message) u
$$;
-- Forward.
select * from test.update('a', 'SM1', 'sent', 'sent');
select * from test.update('a', 'SM1', 'delivered', 'delivered');
-- Not ahead: a row, and nothing updated.
select * from test.update('a', 'SM1', 'sent', 'sent');
select * from test.update('a', 'SM1', 'failed', 'failed', 30008, 'Unknown error');
select * from test.messages;
-- Another SID, another message: no row.
select * from test.update('a', 'SM2', 'read', 'read');
select count(*) from update_sms_status_atomic(test.person(1), 'SM9', 'sent', 'sent');
-- Our word decides; without one Twilio's does; a word that nobody knows changes nothing.
select * from test.update('a', 'SM1', 'whatever', 'read');
call test.queue(1, 'b');
select count(*) from test.claim(1);
select * from test.update('b', 'SM3', 'undelivered', null, 30003, 'Unreachable');
select body, status, has_sid, error from test.messages where body = 'b';
select * from test.update('b', 'SM3', 'whatever');
select * from test.error($$select update_sms_status_atomic(test.person(1), 'SM1', 'sent', 'gone')$$);
-- The message gets the catalogue's words, the callback those that were given.
select m.twilio_error_message = c.meaning as catalogue from herald.sms_messages m join herald.twilio_error_codes c on c.code = m.twilio_error_code;
select message_sid, message_status, error_code, params, result from herald.twilio_callbacks order by id;

-- What has a SID is with Twilio: it never goes back to waiting or into doubt.
call test.queue(1, 'c');
select count(*) from test.claim(1);
select * from test.complete(1, test.result('c', 'unknown'));
select * from test.update('c', 'SM4', 'accepted', 'pending');
select body, status, has_sid from test.messages where body = 'c';
select outcome, resolved_by, sid from herald.sms_send_attempts where sid = 'SM4';
select * from test.update('c', 'SM4', 'whatever', 'unknown');
select * from test.update('c', 'SM4', 'sent', 'queued');
select * from test.update('c', 'SM4', 'sent', 'sent');
-- A text that waits, although Twilio has it, is not sent again.
call test.queue(1, 'd');
select * from test.update('d', 'SM5', 'queued', 'queued');
select * from test.claim(1);
select body, status, has_sid, is_queued from test.messages where body = 'd';
-- Nor can it be cancelled any more.
call test.queue(1, 'e');
select * from test.update('e', 'SM6', 'sent');
select c.* from herald.sms_messages m, cancel_sms_message(m.id) c where message_content = 'e';
select body, status, is_queued from test.messages where body = 'e';
-- 21610 is an opt-out here too.
call test.queue(1, 'f');
select count(*) from test.claim(1);
select * from test.update('f', 'SM7', 'failed', 'failed', 21610);
select opted_out from herald.user_sms_preferences;
