-- Emit reads and writes without a statement where the tables are as they were made, and by statements where they are not. Both
-- ways write the same, and whatever users have made of the tables holds.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set people :source '/include/people.sql'
\set ECHO none
\i :setup
\i :people
\set ECHO all
set pg_herald.notify = off;
-- What is emitted, to each of them.
create table test.calls (place integer generated always as identity, arguments text);
insert into test.calls (arguments) values
    ($$'test.text', payload => '{"message": "plain", "kind": "a"}'$$),
    ($$'test.text', payload => '{"message": "what is wanted", "kind": "b"}', priority => 'urgent'$$),
    ($$'test.text', payload => '{"message": "a long one \u23f0", "correlation_id": "6e9f6a0e-0000-4000-8000-000000000001"}', priority => 'low'$$),
    ($$'test.text', payload => '{"message": "later"}', scheduled_for => now() + interval '1 day'$$),
    ($$'test.text', payload => '{"message": "long ago"}', scheduled_for => now() - interval '1 day'$$),
    ($$'test.text', payload => '{"message": "never"}', scheduled_for => 'infinity'$$),
    ($$'test.text', payload => '{"message": "too late"}', scheduled_for => now() + interval '1 day', expires_at => now()$$),
    ($$'test.text', payload => '{"message": "in time"}', expires_at => now() + interval '10 seconds'$$),
    ($$'test.soon', payload => '{"message": "for an hour"}'$$),
    ($$'test.text', payload => '{"message": "once"}', dedup_key => 'key of PHASE'$$),
    ($$'test.text', payload => '{"message": "by somebody"}', actor_user_id => test.person(99)$$),
    ($$'test.both', payload => '{"message": "both", "title": "T", "action_url": "/x"}'$$),
    ($$'test.shown', payload => '{"message": "shown"}'$$),
    ($$'test.mail', payload => '{"message": "mailed"}'$$),
    ($$'test.off', payload => '{"message": "off"}'$$),
    ($$'test.text', payload => '{}'$$),
    ($$'test.unknown', payload => '{"message": "what is this"}'$$);
create table test.emitted (phase text, place integer, n integer, event_id uuid);
create procedure test.emit_all(phase text) language plpgsql as $$
declare
    call record;
    event uuid;
begin
    for call in
        select c.place, p.n, format('select emit_notification_event(%s, target_user_id => %L)',
                                    replace(c.arguments, 'PHASE', emit_all.phase), test.person(p.n)) as statement
        from test.calls c cross join test.people p order by 1, 2
    loop
        execute call.statement into event;
        insert into test.emitted values (emit_all.phase, call.place, call.n, event);
    end loop;
end
$$;
-- Everything that stands in a row but ids.
create view test.written as
    select o.phase, o.place, o.n, 'event' as what, 
           to_jsonb(e) - '{id,dedup_key}'::text[] || jsonb_build_object('has_key', e.dedup_key is not null) as facts
    from test.emitted o join herald.notification_events e on e.id = o.event_id
    union all
    select o.phase, o.place, o.n, 'delivery ' || d.channel,
           to_jsonb(d) - '{id,event_id,external_id}'::text[] || jsonb_build_object('has_text', d.external_id is not null)
    from test.emitted o join herald.notification_deliveries d on d.event_id = o.event_id
    union all
    select o.phase, o.place, o.n, 'text', to_jsonb(m) - '{id,notification_delivery_id}'::text[]
    from test.emitted o
    join herald.notification_deliveries d on d.event_id = o.event_id
    join herald.sms_messages m on m.notification_delivery_id = d.id and m.id::text = d.external_id
    union all
    select o.phase, o.place, o.n, 'job', to_jsonb(q) - '{subject_id}'::text[]
    from test.emitted o
    join herald.notification_deliveries d on d.event_id = o.event_id
    join herald.queue_jobs q on q.subject_id::text = d.external_id
    union all
    select o.phase, o.place, o.n, 'shown', to_jsonb(u) - '{id,event_id,delivery_id}'::text[]
    from test.emitted o join herald.user_notifications u on u.event_id = o.event_id;

-- A trigger for whole statements, and one for rows.
create table test.fired (what text);
create function test.fire() returns trigger language plpgsql as $$
begin
    insert into test.fired values (tg_table_name || ' ' || tg_level);
    return new;
end
$$;
create procedure test.add_triggers(level text) language plpgsql as $$
declare
    name text;
begin
    foreach name in array '{notification_events,notification_deliveries,sms_messages,queue_jobs}'::text[] loop
        execute format('create trigger told_%1$s after insert on herald.%2$I for each %1$s execute function test.fire()', level, name);
    end loop;
end
$$;
create function test.summary() returns table (what text, "left" bigint, "right" bigint, different bigint) language sql as $$
    select coalesce(a.what, b.what), count(a.what), count(b.what), count(*) filter (where a.facts is distinct from b.facts)
    from (select * from test.written where phase = 'left') a
    full join (select * from test.written where phase = 'right') b using (place, n, what)
    group by 1 order by 1
$$;

-- With statements and without.
begin;
call test.emit_all('left');
call test.add_triggers('statement');
call test.emit_all('right');
select * from test.summary();
select what, count(*) > 100 as often from test.fired group by 1 order by 1;
select d.status, d.suppress_reason as reason, d.defer_reason, count(*)
from test.emitted o join herald.notification_deliveries d on d.event_id = o.event_id
where o.phase = 'left' group by 1, 2, 3 order by 1, 2, 3;
rollback;

-- Row triggers do not make a difference; they are run.
begin;
call test.add_triggers('row');
call test.emit_all('left');
call test.add_triggers('statement');
call test.emit_all('right');
select * from test.summary();
select what, count(*) > 100 as often from test.fired group by 1 order by 1;
rollback;

-- New defaults and columns count at once, also those that only a statement can work out.
begin;
select count(emit_notification_event('test.text', payload => '{"message": "before"}', target_user_id => test.person(1)));
alter table herald.sms_messages alter metadata set default '{"by": "default"}', add column noted text default 'yes',
    add column gone integer default 1, add column stamp timestamptz default now(), add column left_out text;
alter table herald.sms_messages drop column gone;
call test.emit_all('left');
alter table herald.sms_messages add column doubled integer generated always as (char_length(message_content) * 2) stored;
call test.emit_all('right');
select what, "left", "right", different from test.summary() where what <> 'text';
select m.message_content, m.metadata, m.noted, m.stamp = now() as is_now, m.left_out, m.doubled
from herald.sms_messages m join test.emitted o on o.phase = 'right' and o.place = 1 and o.n = 1
join herald.notification_deliveries d on d.event_id = o.event_id and m.notification_delivery_id = d.id;
select count(*) as not_by_default from herald.sms_messages
where message_content <> 'before' and (metadata <> '{"by": "default"}' or noted <> 'yes' or stamp <> now());
rollback;

-- What policies are on is left to statements, and so is a person without the index that finds them.
begin;
call test.emit_all('left');
alter table herald.notification_deliveries enable row level security;
alter table herald.user_sms_preferences enable row level security;
call test.emit_all('right');
select * from test.summary();
rollback;
begin;
call test.emit_all('left');
alter table herald.user_notification_preferences drop constraint user_notification_preferences_user_key;
call test.emit_all('right');
select * from test.summary();
rollback;

-- What the tables refuse is refused.
begin;
alter table herald.notification_events add constraint no_low check (priority <> 'low');
select left(error, 100) as error
from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', priority => 'low', target_user_id => test.person(1))$$) error
limit 1;
rollback;
begin;
alter table herald.notification_deliveries add constraint not_to_one check (recipient_user_id <> test.person(1));
select left(error, 100) as error
from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$) error
limit 1;
rollback;
begin;
alter domain herald.message_content add constraint short check (length(value) < 5);
select * from test.error($$select emit_notification_event('test.text', payload => '{"message": "too long"}', target_user_id => test.person(1))$$);
select * from test.error($$select emit_notification_event('test.text', payload => '{"message": "ok"}', target_user_id => test.person(1))$$);
rollback;
begin;
create unique index one_text_each on herald.sms_messages (user_id);
select * from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$);
select * from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$);
select count(*) as events from herald.notification_events;
rollback;
-- A row's parent is not looked for when it was written with it, but where a trigger may have changed that, it is.
create function test.meddle() returns trigger language plpgsql as $$
begin
    case tg_argv[0]
        when 'skip' then return null;
        when 'rename' then new.id := test.person(77);
        when 'move' then new.event_id := test.person(78);
        when 'delete' then delete from herald.notification_events where id = new.id;
    end case;
    return new;
end
$$;
begin;
create trigger meddle before insert on herald.notification_events for each row execute function test.meddle('skip');
select error from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$) error;
rollback;
begin;
create trigger meddle before insert on herald.notification_deliveries for each row execute function test.meddle('rename');
select error from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$) error;
rollback;
begin;
create trigger meddle before insert on herald.notification_deliveries for each row execute function test.meddle('move');
select error from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1))$$) error;
select error from test.error($$select emit_notification_event('test.text', payload => '{"message": "x"}')$$) error;
rollback;
begin;
create trigger meddle after insert on herald.notification_events for each row execute function test.meddle('delete');
select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1)) is not null as emitted;
select (select count(*) from herald.notification_deliveries) as deliveries, count(*) as texts, count(m.notification_delivery_id) as of_deliveries
from herald.sms_messages m;
rollback;
begin;
create table test.approved (event_id uuid primary key references herald.notification_events);
alter table herald.notification_deliveries add constraint approved_fkey foreign key (event_id) references test.approved deferrable initially deferred;
select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1)) as event \gset
select * from test.error('set constraints all immediate');
insert into test.approved values (:'event');
set constraints all immediate;
rollback;
begin read only;
select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1));
rollback;
-- What this very transaction has just said of the person is known.
begin;
update herald.notification_subscriptions set is_active = false where user_id = test.person(1);
select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1)) as event \gset
select status, suppress_reason from herald.notification_deliveries where event_id = :'event';
rollback;
begin isolation level serializable;
select emit_notification_event('test.text', payload => '{"message": "x"}', target_user_id => test.person(1)) as event \gset
select status, suppress_reason from herald.notification_deliveries where event_id = :'event';
commit;
