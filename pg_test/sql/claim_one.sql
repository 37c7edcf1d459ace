-- A text that is due alone is claimed in a shorter way than several, where nothing stands in its way. Both ways write the same.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set pg_herald.notify = off;
insert into herald.notification_event_types (event_type, default_channels) values ('test.text', '{sms}');
create or replace view herald.recipients as
    select user_id, null::text as email, null::text as name, false as is_admin, 'Asia/Tokyo'::text as timezone from herald.user_sms_preferences;
-- What stands in a row besides ids; the phone number as it is.
create function test.facts(r jsonb) returns jsonb language sql immutable as
    $$ select r - '{id,event_id,external_id,notification_delivery_id,batch_id,subject_id,message_ids,message_id}'::text[] $$;

-- What happens between emit and claim, as statements about $1, the person. All are claimed at a time that is now(), and what they
-- wrote before is older.
create table test.cases (place integer generated always as identity, what text, priority text default 'normal', is_queued boolean default false,
                         happens text default 'select 1');
insert into test.cases (what) values ('nothing happens');
insert into test.cases (what, priority) values ('urgent', 'urgent');
insert into test.cases (what, happens) values
    ('opted out', 'update herald.user_sms_preferences set opted_out = true where user_id = $1'),
    ('no more verified', 'update herald.user_sms_preferences set phone_verified = false where user_id = $1'),
    ('another number', $$update herald.user_sms_preferences set phone_number = '+14155559999' where user_id = $1$$),
    ('no person any more', 'delete from herald.user_sms_preferences where user_id = $1'),
    ('channel off', 'update herald.user_notification_preferences set sms_enabled = false where user_id = $1'),
    ('channel off but for this type', $$with off as (update herald.user_notification_preferences set sms_enabled = false where user_id = $1)
        update herald.notification_subscriptions set sms_enabled = true where user_id = $1$$),
    ('no preferences', 'delete from herald.user_notification_preferences where user_id = $1'),
    ('unsubscribed', 'update herald.notification_subscriptions set is_active = false where user_id = $1'),
    ('no subscription', 'delete from herald.notification_subscriptions where user_id = $1'),
    ('filters that do not match', $$update herald.notification_subscriptions set filters = '{"kind": "b"}' where user_id = $1$$),
    ('event cancelled', $$update herald.notification_events set status = 'cancelled' where target_user_id = $1$$),
    ('event gone', 'delete from herald.notification_events where target_user_id = $1'),
    ('delivery deferred', $$update herald.notification_deliveries set status = 'deferred', defer_reason = 'quiet_hours' where recipient_user_id = $1$$),
    ('delivery over', $$update herald.notification_deliveries set status = 'delivered' where recipient_user_id = $1$$),
    ('text sent', $$update herald.sms_messages set status = 'sent' where user_id = $1$$),
    ('text scheduled', $$update herald.sms_messages set status = 'scheduled' where user_id = $1$$),
    ('text erased', $$update herald.sms_messages set erased_at = now() where user_id = $1$$),
    ('text gone', 'delete from herald.sms_messages where user_id = $1'),
    ('text failed before', $$update herald.sms_messages set twilio_sid = 'SM1', twilio_status = 'failed', twilio_error_code = 30003,
        twilio_error_message = 'm', error_category = 'c', next_retry_at = now(), last_attempt = 1, attempt_count = 1, cancel_reason = 'r',
        defer_reason = 'd', deferred_until = now() where user_id = $1$$),
    ('second attempt', 'update herald.queue_jobs set attempt = 2 where subject_id = (select id from herald.sms_messages where user_id = $1)'),
    ('of an administrator', 'update herald.sms_messages set by_admin = true where user_id = $1'),
    ('expired', $$update herald.sms_messages set expires_at = now() where user_id = $1$$),
    ('expires soon', $$update herald.sms_messages set expires_at = now() + interval '90 seconds' where user_id = $1$$),
    ('expires after long', $$update herald.sms_messages set expires_at = now() + interval '3 days' where user_id = $1$$),
    ('expires never', $$update herald.sms_messages set expires_at = 'infinity' where user_id = $1$$),
    ('sleeps', $$update herald.user_sms_preferences set quiet_hours_start = ((now() - interval '1 hour') at time zone 'Asia/Tokyo')::time,
        quiet_hours_end = ((now() + interval '2 hours') at time zone 'Asia/Tokyo')::time where user_id = $1$$),
    ('sleeps soon', $$update herald.user_sms_preferences set quiet_hours_start = ((now() + interval '1 hour') at time zone 'Asia/Tokyo')::time,
        quiet_hours_end = ((now() + interval '2 hours') at time zone 'Asia/Tokyo')::time where user_id = $1$$),
    ('sleeps soon elsewhere', $$update herald.user_sms_preferences set timezone = 'America/New_York',
        quiet_hours_start = ((now() + interval '1 hour') at time zone 'America/New_York')::time,
        quiet_hours_end = ((now() + interval '2 hours') at time zone 'America/New_York')::time where user_id = $1$$),
    ('sleeps nobody knows where', $$update herald.user_sms_preferences set timezone = 'Mars/Olympus', quiet_hours_start = '01:00' where user_id = $1$$),
    ('nobody knows where', $$update herald.user_sms_preferences set timezone = 'Mars/Olympus' where user_id = $1$$),
    ('was sent texts', 'update herald.user_sms_preferences set daily_sms_count = 7, hourly_sms_count = 3 where user_id = $1'),
    ('was sent texts yesterday', $$update herald.user_sms_preferences set daily_sms_count = 7, hourly_sms_count = 3, daily_type_counts = '{"test.text": 3}',
        daily_count_reset_at = now() - interval '1 day', hourly_count_reset_at = now() - interval '1 day' where user_id = $1$$),
    ('was sent texts the hour before', $$update herald.user_sms_preferences set hourly_sms_count = 3, hourly_count_reset_at = now() - interval '1 hour' where user_id = $1$$),
    ('counts of types', $$update herald.user_sms_preferences set daily_type_counts = '{"test.text": 3}' where user_id = $1$$),
    ('the last of the day', 'update herald.user_sms_preferences set daily_sms_limit = 8, daily_sms_count = 7 where user_id = $1'),
    ('too many in a day', 'update herald.user_sms_preferences set daily_sms_limit = 7, daily_sms_count = 7 where user_id = $1'),
    ('none in a day', 'update herald.user_sms_preferences set daily_sms_limit = 0 where user_id = $1'),
    ('too many in a day by preference', $$with counted as (update herald.user_sms_preferences set daily_sms_count = 7 where user_id = $1)
        update herald.user_notification_preferences set max_per_day = 7 where user_id = $1$$),
    ('too many in an hour', $$with counted as (update herald.user_sms_preferences set hourly_sms_count = 3 where user_id = $1)
        update herald.user_notification_preferences set max_per_hour = 3 where user_id = $1$$),
    ('room in an hour', $$with counted as (update herald.user_sms_preferences set hourly_sms_count = 3 where user_id = $1)
        update herald.user_notification_preferences set max_per_hour = 4, max_per_day = 4 where user_id = $1$$),
    ('type switched off', $$update herald.notification_event_types set is_active = false where event_type = 'test.text'$$),
    ('type for administrators', $$update herald.notification_event_types set admin_only = true where event_type = 'test.text'$$),
    ('type gone', $$delete from herald.notification_event_types where event_type = 'test.text'$$),
    ('type with a limit', $$update herald.notification_event_types set max_per_user_per_day = 5 where event_type = 'test.text'$$),
    ('a cap', $$insert into herald.sms_caps (prefix, max_per_day) values ('+', 5)$$),
    ('country no more allowed', $$select herald_set_setting('allowed_country_prefixes', '["+44"]')$$),
    ('a longer lease', $$select herald_set_setting('lease_seconds', '900')$$),
    ('due later', $$update herald.queue_jobs set run_at = now() + interval '1 second'$$);
-- The same to people to whom texts are sent without an event.
insert into test.cases (what, is_queued, happens, priority)
select what || ', no event', true, happens, priority from test.cases where what !~ '^(type|event|delivery)' order by place;

do $$
declare
    person integer;
begin
    for person in select place from test.cases loop
        call test.subscriber(person, 'test.text');
    end loop;
end
$$;

-- What the claim gives and what it leaves in the tables.
create function test.outcome(who uuid) returns jsonb language sql as $$
    with claimed as (
        select to_jsonb(c) - '{lease_until}'::text[] || jsonb_build_object('lease', c.lease_until - now()) as facts,
               (select count(*) from herald.dispatch_batches b where b.id = c.batch_id and b.message_ids = array[c.message_id]) as batches,
               (select m.batch_id = c.batch_id from herald.sms_messages m where m.id = c.message_id) as is_of_batch
        from claim_sms_messages(test.worker(1), 100) c
    )
    select jsonb_build_object('claimed', (select jsonb_agg(test.facts(facts) || jsonb_build_object('batches', batches)) from claimed))
$$;
create function test.left_behind(who uuid) returns jsonb language sql as $$
    select jsonb_build_object(
        'text', (select jsonb_agg(test.facts(to_jsonb(m)) || jsonb_build_object('in_batch',
                     (select b.message_ids = array[m.id] from herald.dispatch_batches b where b.id = m.batch_id)))
                 from herald.sms_messages m where m.user_id = who),
        'delivery', (select jsonb_agg(test.facts(to_jsonb(d))) from herald.notification_deliveries d where d.recipient_user_id = who),
        'person', (select jsonb_agg(test.facts(to_jsonb(p))) from herald.user_sms_preferences p where p.user_id = who),
        'jobs', (select jsonb_agg(test.facts(to_jsonb(q))) from herald.queue_jobs q),
        'batches', (select jsonb_agg(test.facts(to_jsonb(b))) from herald.dispatch_batches b))
$$;
-- Each case by itself, taken back afterwards. A claim of several updates deliveries, be it none; so the trigger tells of it.
create table test.outcomes (phase text, place integer, outcome jsonb, is_short boolean);
create table test.fired (what text);
create function test.fire() returns trigger language plpgsql as $$ begin insert into test.fired values ('x'); return null; end $$;
create procedure test.claim_each(phase text) language plpgsql as $$
declare
    a_case record;
    who uuid;
    outcome jsonb;
    is_short boolean;
begin
    for a_case in select * from test.cases order by place loop
        who := test.person(a_case.place);
        begin
            if a_case.is_queued then
                perform queue_sms_message(who, test.phone(a_case.place), 'words', a_case.priority);
            else
                perform emit_notification_event('test.text', target_user_id => who, priority => a_case.priority,
                                                payload => '{"message": "words", "kind": "a"}');
            end if;
            update herald.sms_messages set created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour';
            update herald.notification_deliveries set created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour';
            update herald.user_sms_preferences
            set daily_count_reset_at = now() - interval '1 microsecond', hourly_count_reset_at = now() - interval '1 microsecond'
            where user_id = who;
            execute replace(a_case.happens, '$1', quote_literal(who));
            create trigger told after update on herald.notification_deliveries for each statement execute function test.fire();
            outcome := test.outcome(who);
            is_short := not exists (select from test.fired);
            outcome := outcome || test.left_behind(who);
            raise exception sqlstate 'UNDO0';
        exception when sqlstate 'UNDO0' then
            insert into test.outcomes values (claim_each.phase, a_case.place, outcome, is_short);
        end;
    end loop;
end
$$;

begin;
call test.claim_each('short');
-- Policies are left to statements.
alter table herald.notification_deliveries enable row level security;
alter table herald.user_sms_preferences enable row level security;
call test.claim_each('long');
select count(*) as cases, count(*) filter (where a.outcome is distinct from b.outcome) as different
from (select * from test.outcomes where phase = 'short') a
full join (select * from test.outcomes where phase = 'long') b using (place);
select what, a.outcome, b.outcome
from (select * from test.outcomes where phase = 'short') a
full join (select * from test.outcomes where phase = 'long') b using (place)
join test.cases using (place)
where a.outcome is distinct from b.outcome;
select c.what, o.is_short, o.outcome #>> '{text,0,status}' as status,
       coalesce(o.outcome #>> '{text,0,cancel_reason}', o.outcome #>> '{text,0,defer_reason}') as reason
from test.outcomes o join test.cases c using (place) where o.phase = 'short' order by place;
select count(*) as short_by_statements from test.outcomes where phase = 'long' and is_short and outcome -> 'claimed' <> 'null';
rollback;

-- Two that are due are claimed together, and so are those after them until a claim gives one or none.
call test.queue(1, 'one');
call test.queue(2, 'two');
select * from test.claim(1);
call test.queue(1, 'three');
select * from test.claim(1);
call test.queue(2, 'four');
select * from test.claim(1);
select * from test.claim(1);
select message_content, status, last_attempt from herald.sms_messages order by 1;
select count(*) as waiting from herald.queue_jobs;
