-- erase_user() and purge_expired_records(): what is forgotten, what is kept.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
-- Where a word stands, anywhere in the tables.
create function test.places(word text) returns table (relation text, places bigint) language plpgsql as $$
declare
    name text;
begin
    for name in select relname from pg_class where relnamespace = 'herald'::regnamespace and relkind = 'r' order by relname collate "C" loop
        return query execute format('select %L::text, count(*) from herald.%I t where t::text like %L having count(*) > 0', name, name, '%' || word || '%');
    end loop;
end
$$;
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');
select * from test.error('select erase_user(null)');
select * from test.error('select purge_expired_records(null)');
select * from test.error('select purge_expired_records(0)');

-- A life: texts in every state, an entry in a list, a verification, a STOP.
insert into herald.user_notifications (id, user_id, event_type, title, body) values (herald_uuid_v7(), test.person(1), 'test.plain', 'private title', 'private body');
insert into herald.phone_verifications (user_id, phone_number) values (test.person(1), test.phone(1));
insert into herald.queue_jobs (subject_id, job_type, priority, run_at) select id, 'verify', 1, now() + interval '1 hour' from herald.phone_verifications;
select emit_notification_event('test.plain', payload => '{"message": "private delivered"}', target_user_id => test.person(1), dedup_key => 'k1') as first \gset
select body from test.claim(1);
select * from test.complete(1, test.result('private delivered', 'accepted', '{"sid": "SMd", "twilio_status": "queued"}'));
select * from test.record(test.callback('private delivered', 'SMd', 'delivered') || jsonb_build_object('params', jsonb_build_object('To', test.phone(1))));
select * from test.record(test.callback('private delivered', 'SMother', 'delivered') || jsonb_build_object('params', jsonb_build_object('To', test.phone(1))));
call test.queue(1, 'private refused');
select body from test.claim(1);
select * from test.complete(1, test.result('private refused', 'rejected', jsonb_build_object('http_status', 400, 'error_code', 21617, 'error_message', 'not valid: ' || test.phone(1))));
call test.queue(1, 'private in flight');
select body from test.claim(1);
call test.queue(1, 'private waiting');
select emit_notification_event('test.plain', 'api_action', null, test.person(1), '{"message": "private tomorrow"}'::jsonb, '{"note": "private"}',
                               now() + interval '1 day') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "public for all"}') is not null as ok;
select result from record_twilio_inbound(jsonb_build_array(jsonb_build_object('message_sid', 'SMi', 'from', test.phone(1), 'to', '+15005550006',
    'body', 'private hello', 'params', jsonb_build_object('From', test.phone(1)))));
select result from record_twilio_inbound(jsonb_build_array(jsonb_build_object('message_sid', 'SMj', 'from', test.phone(1), 'to', '+15005550006',
    'body', 'STOP', 'done_by_twilio', 'STOP')));
select * from test.places(test.phone(1));
select * from test.places('private');
select digest as before from export_consent_evidence() order by place desc limit 1 \gset

select * from erase_user(test.person(1));
select count(*) as verifications_waiting from herald.queue_jobs where job_type = 'verify';
-- Only the text on its way still has it.
select * from test.places(test.phone(1));
select * from test.places('private');
select * from test.places(test.person(1)::text);
select message_content, status, cancel_reason, phone_number is null as no_number from herald.sms_messages where user_id = test.person(1) order by id;
select kind, source, wording, phone_number, number_hash is not null as has_hash, erased_at is not null as erased from herald.sms_consent_events;
-- The evidence is what it was, and is found by the number of whoever asks with it.
select digest = :'before' as same from export_consent_evidence() order by place desc limit 1;
select count(*) from export_consent_evidence(p_phone_number => test.phone(1));
-- The key of an erased event stays used.
select emit_notification_event('test.plain', payload => '{"message": "private delivered"}', target_user_id => test.person(1), dedup_key => 'k1') = :'first' as same;
-- Again is the same, and changes nothing.
select sum(records) from erase_user(test.person(1)) where action not like 'left%';
select sum(records) from erase_user(test.person(42));

-- Nothing puts an erased text back in line.
begin;
update herald.sms_messages set status = 'pending' where status = 'failed';
insert into herald.queue_jobs (subject_id, job_type, priority, run_at) select id, 'send_sms', 1, now() from herald.sms_messages where status = 'pending' and erased_at is not null;
select count(*) as waiting from herald.queue_jobs where priority = 1;
select message_content, cancel_reason from herald.sms_messages where status = 'pending' and erased_at is not null;
select body from test.claim(1) where body not like 'public%';
select count(*) from herald.sms_messages where status = 'pending' and erased_at is not null;
rollback;

-- The STOP outlives it: whoever has the number next.
call test.subscriber(1, 'test.plain');
insert into herald.phone_verifications (user_id, phone_number) values (test.person(1), test.phone(1));
select opted_out, opt_out_reason, provider_blocked, next_step from get_sms_opt_out_status(test.person(1));
select emit_notification_event('test.plain', payload => '{"message": "new life"}', target_user_id => test.person(1)) is not null as ok;
select status, reason from test.deliveries where person = 1 order by event_id desc limit 1;

-- The outcome is known; the next round finds it, and leaves the new life alone.
select * from test.complete(1, test.result('private in flight', 'accepted', '{"sid": "SMf", "twilio_status": "sent"}'));
select * from purge_expired_records();
update herald.user_erasures set swept_at = now() - interval '2 hours' where user_id = test.person(1);
select kind, records from purge_expired_records() where records > 0;
select * from test.places('private');
select count(*) filter (where finished_at is not null) as finished, count(*) from herald.user_erasures where user_id = test.person(1);
select opted_out from get_sms_opt_out_status(test.person(1));
-- A late callback brings the number back; four days later the last round takes it.
select result from test.record(jsonb_build_object('message_id', (select id from herald.sms_messages where twilio_sid = 'SMf'), 'attempt', 1, 'sid', 'SMf',
    'status', 'delivered', 'params', jsonb_build_object('To', test.phone(1), 'Late', 'private')));
select * from test.places('private');
update herald.user_erasures set swept_at = now() - interval '2 hours', requested_at = requested_at - interval '5 days' where user_id = test.person(1);
update herald.sms_messages set created_at = created_at - interval '6 days' where erased_at is not null;
select kind, records from purge_expired_records() where records > 0;
select * from test.places('private');
select count(*) filter (where finished_at is not null) as finished from herald.user_erasures where user_id = test.person(1);

-- Retention: nothing goes before it is told, and then the oldest first, by kind.
\set ECHO none
\i :setup
-- An id as it was made that many days ago.
create function test.old_id(days integer) returns uuid language sql as
    $$ select (left(herald.oldest_id(now() - make_interval(days => days))::text, 13) || right(gen_random_uuid()::text, 23))::uuid $$;
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
insert into herald.notification_events (id, event_type, event_source, payload, priority, status, dedup_key, created_at)
select test.old_id(n), 'test.plain', 'api_action', jsonb_build_object('n', n), 'normal', 'fanned_out', case when n = 40 then 'key' end, now() - make_interval(days => n)
from unnest('{10,20,30,40,50}'::integer[]) as n;
insert into herald.notification_deliveries (id, event_id, recipient_user_id, channel, status, created_at)
select test.old_id(10), e.id, test.person(1), 'sms', case when payload = '{"n": 50}' then 'deferred' else 'delivered' end, e.created_at from herald.notification_events e;
insert into herald.sms_messages (id, user_id, phone_number, message_content, status, notification_delivery_id, created_at)
select test.old_id(now()::date - d.created_at::date), test.person(1), test.phone(1), 'old ' || (now()::date - d.created_at::date),
       case when d.status = 'deferred' then 'pending' else 'delivered' end, d.id, d.created_at
from herald.notification_deliveries d;
insert into herald.sms_send_attempts (message_id, attempt, started_at, finished_at, outcome) select id, 1, created_at, created_at, 'accepted' from herald.sms_messages;
insert into herald.twilio_callbacks (id, received_at, message_sid, message_status, result) select test.old_id(n), now() - make_interval(days => n), 'SM' || n, 'sent', 'applied' from unnest('{10,20,30}'::integer[]) as n;
insert into herald.sms_inbound_messages (id, received_at, message_sid, from_number, to_number) select test.old_id(n), now() - make_interval(days => n), 'SM' || n, '+14155550001', '+15005550006' from unnest('{10,20,30}'::integer[]) as n;
insert into herald.phone_verifications (created_at, user_id, phone_number) select now() - make_interval(days => n), test.person(1), test.phone(1) from unnest('{10,20,30}'::integer[]) as n;
select * from purge_expired_records();
select herald_set_setting('retention_callbacks_days', '15'), herald_set_setting('retention_inbound_days', '15'), herald_set_setting('retention_verifications_days', '15');
select * from purge_expired_records(1);
select * from purge_expired_records();
select message_sid from herald.twilio_callbacks;
-- Texts go with their ledger, events with everything; what is not over stays, and so does a key.
select herald_set_setting('retention_messages_days', '25');
select * from purge_expired_records();
select message_content from herald.sms_messages order by id;
select count(*) from herald.sms_send_attempts;
select herald_set_setting('retention_events_days', '15');
select * from purge_expired_records();
select payload, dedup_key, erased_at is not null as emptied, (select count(*) from herald.notification_deliveries d where d.event_id = e.id) as deliveries
from herald.notification_events e order by created_at;
select message_content from herald.sms_messages order by id;
select * from purge_expired_records();
