-- A broadcast is decided by a statement, and its rows are written without one where the tables are as they were made; by the
-- daemon's chunks as well. All ways write the same.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set people :source '/include/people.sql'
\set ECHO none
\i :setup
\i :people
\set ECHO all
set pg_herald.notify = off;
insert into herald.sms_templates (template_key, name, message_template, max_length) values ('test_greeting', 'Greeting', 'Hello {{message}}', 40);
insert into herald.sms_templates (template_key, locale, name, message_template) values ('test_greeting', 'de', 'Greeting', 'Hallo {{message}} \u23f0');
insert into herald.notification_event_types (event_type, default_channels, template_key) values ('test.greeting', '{sms}', 'test_greeting');
insert into herald.notification_subscriptions (user_id, event_type) select test.person(n), 'test.greeting' from test.people;
update herald.user_notification_preferences set locale = 'de-AT' where user_id in (test.person(1), test.person(3), test.person(5));
create table test.calls (place integer generated always as identity, arguments text);
insert into test.calls (arguments) values
    ($$'test.text', payload => '{"message": "plain", "kind": "a"}'$$),
    ($$'test.text', payload => '{"message": "what is wanted", "kind": "b"}', priority => 'urgent'$$),
    ($$'test.text', payload => '{"message": "a long one \u23f0", "correlation_id": "6e9f6a0e-0000-4000-8000-000000000001"}', priority => 'low'$$),
    ($$'test.text', payload => '{"message": "later"}', scheduled_for => now() + interval '1 day'$$),
    ($$'test.text', payload => '{"message": "never"}', scheduled_for => 'infinity'$$),
    ($$'test.text', payload => '{"message": "too late"}', scheduled_for => now() + interval '1 day', expires_at => now()$$),
    ($$'test.text', payload => '{"message": "in time"}', expires_at => now() + interval '10 seconds'$$),
    ($$'test.soon', payload => '{"message": "for an hour"}'$$),
    ($$'test.text', payload => '{"message": "once"}', dedup_key => 'key of PHASE'$$),
    ($$'test.both', payload => '{"message": "both", "title": "T", "action_url": "/x"}'$$),
    ($$'test.mail', payload => '{"message": "mailed"}'$$),
    ($$'test.off', payload => '{"message": "off"}'$$),
    ($$'test.greeting', payload => '{"message": "you"}'$$),
    ($$'test.text', payload => '{}'$$),
    ($$'test.unknown', payload => '{"message": "what is this"}'$$);
create table test.emitted (phase text, place integer, event_id uuid);
create procedure test.emit_all(phase text) language plpgsql as $$
declare
    call record;
    event uuid;
begin
    for call in select place, replace(arguments, 'PHASE', emit_all.phase) as arguments from test.calls order by 1 loop
        execute format('select emit_notification_event(%s)', call.arguments) into event;
        insert into test.emitted values (emit_all.phase, call.place, event);
    end loop;
    while exists (select from fan_out_notification_events(1000)) loop
    end loop;
end
$$;
-- Everything that stands in a row but ids.
create view test.written as
    select o.phase, o.place, 'event' as what, 0 as n,
           to_jsonb(e) - '{id,dedup_key}'::text[] || jsonb_build_object('has_key', e.dedup_key is not null) as facts
    from test.emitted o join herald.notification_events e on e.id = o.event_id
    union all
    select o.phase, o.place, 'delivery ' || d.channel, test.number(d.recipient_user_id),
           to_jsonb(d) - '{id,event_id,external_id}'::text[] || jsonb_build_object('has_text', d.external_id is not null)
    from test.emitted o join herald.notification_deliveries d on d.event_id = o.event_id
    union all
    select o.phase, o.place, 'text', test.number(m.user_id), to_jsonb(m) - '{id,notification_delivery_id}'::text[]
    from test.emitted o
    join herald.notification_deliveries d on d.event_id = o.event_id
    join herald.sms_messages m on m.notification_delivery_id = d.id and m.id::text = d.external_id
    union all
    select o.phase, o.place, 'job', test.number(d.recipient_user_id), to_jsonb(q) - '{subject_id}'::text[]
    from test.emitted o
    join herald.notification_deliveries d on d.event_id = o.event_id
    join herald.queue_jobs q on q.subject_id::text = d.external_id
    union all
    select o.phase, o.place, 'shown', test.number(u.user_id), to_jsonb(u) - '{id,event_id,delivery_id}'::text[]
    from test.emitted o join herald.user_notifications u on u.event_id = o.event_id;
create function test.summary(a text, b text) returns table (what text, rows bigint, different bigint) language sql as $$
    select coalesce(a.what, b.what), count(a.what), count(*) filter (where a.facts is distinct from b.facts)
    from (select * from test.written where phase = summary.a) a
    full join (select * from test.written where phase = summary.b) b using (place, n, what)
    group by 1 order by 1
$$;
-- A trigger for whole statements tells that they were run.
create table test.fired (what text);
create function test.fire() returns trigger language plpgsql as
    $$ begin insert into test.fired values (tg_argv[0]); return null; end $$;

begin;
call test.emit_all('direct');
select herald_set_setting('inline_fan_out_limit', '3');
call test.emit_all('chunks');
create trigger told after insert on herald.sms_messages for each statement execute function test.fire('chunk');
call test.emit_all('chunks by statement');
drop trigger told on herald.sms_messages;
select herald_set_setting('inline_fan_out_limit', '1000');
create trigger told after insert on herald.sms_messages for each statement execute function test.fire('emit');
call test.emit_all('statement');
select what, count(*) > 5 as often from test.fired group by 1 order by 1;
select * from test.summary('direct', 'statement');
select * from test.summary('chunks', 'chunks by statement');
-- The events themselves say how they were fanned out.
select what, different from test.summary('direct', 'chunks') where what <> 'event';
select d.status, d.suppress_reason as reason, count(*)
from test.emitted o join herald.notification_deliveries d on d.event_id = o.event_id
where o.phase = 'direct' group by 1, 2 order by 1, 2;
select message_content, segments, encoding, count(*) from herald.sms_messages m
join herald.notification_deliveries d on d.id = m.notification_delivery_id
join test.emitted o on o.event_id = d.event_id and o.phase = 'chunks' join test.calls c using (place)
where c.arguments like '%greeting%' group by 1, 2, 3 order by 1;
rollback;

-- One of the texts that are due wakes the daemons.
begin;
set local pg_herald.notify = auto;
select emit_notification_event('test.text', payload => '{"message": "x"}') is not null as emitted;
select count(*) > 3 as several, count(*) filter (where wakes) as waking from herald.queue_jobs;
rollback;
-- Nobody is there: the event is.
begin;
delete from herald.notification_subscriptions;
select emit_notification_event('test.text', payload => '{"message": "x"}') as event \gset
select status, (select count(*) from herald.notification_deliveries) as deliveries from herald.notification_events where id = :'event';
rollback;
