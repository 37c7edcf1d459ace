-- Priority, schedule and expiry of an event.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain', 'test.brief');
call test.type('test.plain');
insert into herald.notification_event_types (event_type, default_priority, expires_after) values ('test.brief', 'low', '1 hour');

-- The priority: given, else the type's.
select p, emit_notification_event('test.plain', payload => jsonb_build_object('message', p), priority => p) is not null as ok
from unnest('{urgent,high,normal,low}'::text[]) as p;
select emit_notification_event('test.plain', payload => '{"message": "default"}') is not null as ok;
select emit_notification_event('test.brief', payload => '{"message": "of the type"}') is not null as ok;
select m.message_content, m.priority, q.priority as queue_rank from herald.sms_messages m join herald.queue_jobs q on q.subject_id = m.id order by q.priority, 1;
delete from herald.queue_jobs;

-- Scheduled: any time ahead; what is past is now.
select emit_notification_event('test.plain', payload => '{"message": "in a year"}', scheduled_for => now() + interval '1 year') is not null as ok;
select emit_notification_event('test.plain', p_payload => '{"message": "in a minute"}', p_scheduled_for => now() + interval '1 minute') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "past"}', scheduled_for => now() - interval '1 year') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "always"}', scheduled_for => '-infinity') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "never"}', scheduled_for => 'infinity') is not null as ok;
select m.message_content as body, m.status, q.run_at <= now() as is_due, q.run_at = m.scheduled_for as on_time, q.wakes
from herald.sms_messages m join herald.queue_jobs q on q.subject_id = m.id order by 1;
select body from test.claim(1) order by body;
select body from test.claim(1);
update herald.queue_jobs set run_at = now() where run_at < now() + interval '1 hour';
select body from test.claim(1);
-- What waits longest is not what never comes.
select herald_next_due() between now() + interval '360 days' and now() + interval '370 days' as next_year;
delete from herald.queue_jobs where run_at < 'infinity';
select herald_next_due();
delete from herald.queue_jobs;

-- Expiry: given, else the type's, counted from the moment it is due.
select emit_notification_event('test.plain', payload => '{"message": "given"}', expires_at => now() + interval '10 minutes') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "far"}', expires_at => now() + interval '10 years') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "endless"}', expires_at => 'infinity') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "none"}') is not null as ok;
select emit_notification_event('test.brief', payload => '{"message": "of the type, now"}') is not null as ok;
select emit_notification_event('test.brief', payload => '{"message": "of the type, later"}', scheduled_for => now() + interval '1 day') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "over"}', expires_at => now() - interval '1 second') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "over before it is due"}', scheduled_for => now() + interval '24 hours', expires_at => now() + interval '1 hour') is not null as ok;
select e.payload ->> 'message' as message, e.expires_at - greatest(e.created_at, e.scheduled_for) as lifetime, d.status, d.suppress_reason
from herald.notification_events e join herald.notification_deliveries d on d.event_id = e.id
where e.expires_at < 'infinity' and e.payload ->> 'message' not in ('given', 'far') order by 1;
-- Twilio may keep it no longer than that, and 36,000 seconds at most.
select count(*) from test.claim(2);
select body, validity_seconds is null as without, validity_seconds between 590 and 600 as ten_minutes,
       validity_seconds between 3590 and 3600 as an_hour, validity_seconds = 36000 as the_most
from test.claims where worker = test.worker(2) order by body;
