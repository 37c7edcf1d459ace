-- Sending is armed for one database. A copy of it, a restore, a promotion: what was due then is in doubt until it is looked for.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create view test.identity as
    select i.system_identifier = (select system_identifier::text from pg_control_system()) as cluster, i.timeline,
           i.database_oid = (select oid from pg_database where datname = current_database()) as database, i.wal_position > 0 as wal,
           i.installed_here, i.arming_id is not null as armed,
           (i.armed_system_identifier, i.armed_timeline, i.armed_database_oid) = (i.system_identifier, i.timeline, i.database_oid) as for_here,
           i.knows_arming, i.waiting
    from herald_dispatch_identity((select id from herald.armings order by armed_at desc limit 1)) i;

select * from test.identity;
select count(*) from herald_dispatch_identity(null) where install_id is not null;
-- The first time by a daemon, whatever waits.
call test.queue(1, 'a');
select quarantined from herald_arm(true);
select * from test.identity;
select * from test.error('select herald_arm(true)');
select * from test.error('select herald_arm(null)');

-- A text in quarantine counts against the limits, and is given back when it has not gone.
create view test.counts as
    select daily_sms_count as day, hourly_sms_count as hour, daily_type_counts as types,
           (select string_agg(prefix || ' ' || used, ', ' order by prefix) from herald.sms_caps) as caps
    from herald.user_sms_preferences where user_id = test.person(1);
update herald.notification_event_types set max_per_user_per_day = 100 where event_type = 'test.plain';
insert into herald.sms_caps (prefix, max_per_day) values ('+', 1000), ('+1', 1000);
-- What was due is looked for first; what is due later, or in flight, or in doubt already, is not touched.
select emit_notification_event('test.plain', payload => '{"message": "of an event"}') is not null;
select queue_sms_message(test.person(1), test.phone(1), 'later', p_scheduled_for => now() + interval '1 day') is not null;
call test.queue(1, 'b');
select body from test.claim(1, 1);
select body, status from test.messages order by body;
select quarantined from herald_arm(false);
select body, status, attempts, delivery, is_queued from test.messages order by body;
select * from test.counts;
select m.message_content as body, a.attempt, a.outcome, a.reason, a.started_at = m.created_at as since_its_making, a.resolve_at > now() + interval '100 seconds' as waits
from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id order by 1;
select armed_by = session_user as by_me, reason, quarantined from herald.armings order by armed_at;
select * from test.identity;
-- A callback of the attempt that was lost settles it; absence gives it back.
select * from test.record(test.callback('b', test.sid(1), 'delivered'));
update herald.sms_send_attempts set resolve_at = now(), absent_at = now() - interval '1 hour' where resolve_at is not null;
create table test.looks as select * from claim_unknown_sms_messages(10);
select body, settle from test.looks order by body;
select outcome from complete_unknown_sms_messages((select jsonb_agg(jsonb_build_object('claim_id', claim_id, 'message_id', message_id, 'attempt', attempt, 'verdict', 'absent')) from test.looks where settle));
select body, status, attempts, is_queued from test.messages order by body;
select * from test.counts;

-- A database that was moved, and never armed.
delete from herald.armings;
update herald.installation set system_identifier = '1';
select installed_here from test.identity;
select * from test.error('select herald_arm(true)');
delete from herald.queue_jobs;
delete from herald.dispatch_batches;
update herald.sms_send_attempts set resolve_at = null;
select quarantined from herald_arm(true);
-- Another timeline.
update herald.armings set timeline = timeline + 1;
select armed, for_here from test.identity;
select section, name, amount, detail is not null as detail from herald_status() where section = 'arming';

-- What was in doubt already may have been settled and sent again there: it is looked for anew, up to now. So are retries, and
-- what a broadcast that was due comes to.
delete from herald.breakers;
delete from herald.queue_jobs;
call test.queue(1, 'in doubt');
call test.queue(1, 'a retry');
select body from test.claim(1, 2) order by body;
select * from test.complete(1, test.result('in doubt', 'unknown', '{"reason": "timeout"}'),
                            test.result('a retry', 'not_sent', '{"reason": "connect"}'));
select body, status, attempts, is_queued from test.messages where body in ('in doubt', 'a retry') order by body;
update herald.queue_jobs set run_at = now() + interval '1 hour';
update herald.sms_send_attempts
set resolve_at = now() - interval '1 hour', absent_at = now() - interval '1 hour', finished_at = now() - interval '2 hours',
    started_at = now() - interval '2 hours'
where resolve_at is not null;
select herald_set_setting('inline_fan_out_limit', '0');
call test.subscriber(2, 'test.plain');
select emit_notification_event('test.plain', payload => '{"message": "to all"}') is not null;
select quarantined from herald_arm(false);
select body, status, attempts, is_queued from test.messages where body in ('in doubt', 'a retry') order by body;
select count(*) from claim_unknown_sms_messages(10) where settle;
update herald.sms_send_attempts set resolve_at = now() where resolve_at is not null;
select body, settle, accepted_until = now() as up_to_now from claim_unknown_sms_messages(10) order by body;
select herald_set_setting('inline_fan_out_limit', '1');
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select deliveries, done from fan_out_notification_events();
select body, status, attempts, delivery, is_queued from test.messages where body = 'to all';
select a.attempt, a.outcome, a.reason, a.started_at = e.created_at as since_the_event, a.resolve_at is not null as looked_for
from herald.sms_send_attempts a
join herald.sms_messages m on m.id = a.message_id
join herald.notification_events e on m.message_content = 'to all' and e.payload ->> 'message' = 'to all';
-- A text in quarantine counts against the limits, and is given back when it has not gone.
select test.number(user_id) as person, daily_sms_count as day, hourly_sms_count as hour from herald.user_sms_preferences order by 1;
-- A callback about a claim that this database has lost makes it good.
call test.queue(2, 'lost claim');
select * from test.record(test.callback('lost claim', test.sid(7), 'sent'));
select body, status, attempts, has_sid, is_queued from test.messages where body = 'lost claim';
select a.attempt, a.outcome, a.reason, a.sid = test.sid(7) as sid, a.resolved_by, m.last_attempt
from herald.sms_send_attempts a join herald.sms_messages m on m.id = a.message_id where m.message_content = 'lost claim';
select daily_sms_count as day, hourly_sms_count as hour from herald.user_sms_preferences where user_id = test.person(2);
select body from test.claim(2, 10);
select is_queued from test.messages where body = 'lost claim';
select * from test.record(test.callback('lost claim', test.sid(7), 'delivered'));
select body, status, attempts from test.messages where body = 'lost claim';
-- What comes after that goes at once.
select emit_notification_event('test.plain', payload => '{"message": "and now"}') is not null;
select deliveries, done from fan_out_notification_events();
select body, status, is_queued from test.messages where body = 'and now';
update herald.sms_send_attempts set resolve_at = null;
delete from herald.queue_jobs;
delete from herald.notification_subscriptions where user_id = test.person(2);

-- At a glance.
call test.queue(1, 'c');
call test.queue(1, 'd', 'urgent');
select body from test.claim(1, 1);
select * from test.complete(1, test.result('d', 'accepted', jsonb_build_object('sid', test.sid(4))));
select section, name, amount, age_seconds >= 0 as age, detail from herald_status() where section <> 'arming' order by section, name;
insert into herald.breakers (scope, key, surface, error_code, reason, severity, attempt_at, pause_seconds, max_pause_seconds, resume_at)
values ('account', '*', 'request', 20003, 'no', 'critical', now(), 60, 60, '2030-01-01 00:00:00+00');
select section, name, amount, detail from herald_status() where section = 'breaker';
