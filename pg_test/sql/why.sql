-- why(): the story of an event, from the records.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain', 'task.due_soon');
call test.subscriber(2, 'test.plain');
call test.subscriber(3);
call test.type('test.plain');
update herald.user_sms_preferences set phone_verified = false where user_id = test.person(2);
-- Times and ids do not reach the output.
create function test.why(event uuid, person integer default null) returns table (person integer, channel text, step text, detail text) language sql as $$
    select test.number(w.user_id), w.channel, w.step,
           regexp_replace(regexp_replace(regexp_replace(w.detail, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<uuid>', 'g'),
                                         '\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ', '<time>', 'g'), 'took [0-9.]+ s', 'took <n> s')
    from why(event, test.person(person)) with ordinality as w
    order by w.ordinality
$$;

-- From emit to delivered, and somebody who was not reached.
select emit_notification_event('test.plain', '{"message": "hello"}'::jsonb) as event \gset
select * from test.why(:'event');
select body from test.claim(1);
select * from test.why(:'event', 1);
select status from test.complete(1, test.result('hello', 'accepted', jsonb_build_object('sid', test.sid(1), 'http_status', 201, 'twilio_status', 'queued')));
select result from test.record(test.callback('hello', test.sid(1), 'sent'), test.callback('hello', test.sid(1), 'sent'));
select result from test.record(test.callback('hello', test.sid(1), 'delivered'));
select * from test.why(:'event', 1);
select * from test.why(:'event', 2);
select * from test.why(:'event', 3);
select bool_and(at >= before) as ordered from (select at, lag(at) over (order by place) as before from why(:'event') with ordinality as w (at, u, c, s, d, place)) t;

-- Refused, tried again, in doubt, failed for good.
select emit_notification_event('test.plain', '{"message": "refused"}'::jsonb, target_user_id => test.person(1), scheduled_for => now() - interval '1 hour') as event \gset
select body from test.claim(1);
select status from test.complete(1, test.result('refused', 'not_sent', '{"reason": "connect", "error_message": "no route"}'));
select * from test.why(:'event', 1);
update herald.queue_jobs set run_at = now();
select body, attempt from test.claim(1);
select status from test.complete(1, test.result('refused', 'unknown', '{"reason": "timeout"}'));
select * from test.why(:'event', 1) offset 3;
select result from test.record(test.callback('refused', test.sid(2), 'undelivered', 30003, 2));
select * from test.why(:'event', 1) offset 3;

-- Kept back at the claim, cancelled, quarantined, nobody there, later.
select emit_notification_event('test.plain', '{"message": "stopped"}'::jsonb, target_user_id => test.person(1), scheduled_for => now() + interval '1 hour', expires_at => now() + interval '2 hours') as event \gset
select * from test.why(:'event', 1);
insert into herald.sms_consent_events (user_id, phone_number, kind, source) values (test.person(1), test.phone(1), 'opt_out', 'inbound');
update herald.user_sms_preferences set opted_out = true where user_id = test.person(1);
update herald.queue_jobs set run_at = now();
select body from test.claim(1);
select * from test.why(:'event', 1);
update herald.user_sms_preferences set opted_out = false where user_id = test.person(1);
select emit_notification_event('test.plain', '{"message": "taken back"}'::jsonb, target_user_id => test.person(1)) as event \gset
select * from cancel_notification_event(:'event');
select * from test.why(:'event');
select emit_notification_event('task.due_soon', '{}'::jsonb) as event \gset
select * from test.why(:'event');
select emit_notification_event('test.plain', '{"message": "x"}'::jsonb, target_user_id => test.person(3)) as event \gset
select * from test.why(:'event');
select * from test.why(:'event', 1);
update herald.notification_subscriptions set filters = '{"a": 1}' where user_id = test.person(1) and event_type = 'test.plain';
select emit_notification_event('test.plain', '{"message": "x"}'::jsonb) as event \gset
select * from test.why(:'event', 1);
update herald.notification_subscriptions set is_active = false where user_id = test.person(1) and event_type = 'test.plain';
select * from test.why(:'event', 1);
select herald_set_setting('inline_fan_out_limit', '0');
select emit_notification_event('test.plain', '{"message": "many"}'::jsonb) as event \gset
select * from test.why(:'event');
-- Made to wait, and what it waited for when it went.
select herald_set_setting('inline_fan_out_limit', '1000');
update herald.notification_subscriptions set is_active = true, filters = '{}' where user_id = test.person(1) and event_type = 'test.plain';
update herald.user_sms_preferences set timezone = 'UTC', quiet_hours_start = ((now() - interval '1 hour') at time zone 'UTC')::time,
    quiet_hours_end = ((now() + interval '1 hour') at time zone 'UTC')::time where user_id = test.person(1);
select emit_notification_event('test.plain', '{"message": "quiet"}'::jsonb, target_user_id => test.person(1)) as event \gset
select * from test.why(:'event', 1);
update herald.user_sms_preferences set quiet_hours_end = quiet_hours_start where user_id = test.person(1);
update herald.queue_jobs set run_at = now();
select body from test.claim(1) where body = 'quiet';
select * from test.why(:'event', 1);
select * from test.error('select why(test.person(1))');
