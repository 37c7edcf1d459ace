-- Events from changed rows, without PL/pgSQL.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set client_min_messages = warning;
call test.subscriber(1, 'task.assigned', 'task.any');
call test.subscriber(2, 'task.assigned', 'task.any');
insert into herald.sms_templates (template_key, name, message_template) values ('assigned', 'Assigned', '{{task_name}} is yours{{was|}}');
insert into herald.notification_event_types (event_type, template_key) values ('task.assigned', 'assigned');
call test.type('task.any');
create table test.task (
    id integer primary key, title text, assignee_id uuid, author text, status text default 'open', due_at timestamptz, note text, count numeric(5, 2)
);
create view test.events as
    select e.event_type, test.number(e.target_user_id) as target, e.status, e.problems, e.payload, e.dedup_key, e.priority,
           e.metadata ->> 'operation' as operation, e.event_source
    from herald.notification_events e order by e.created_at, e.id;

-- For each row: who, what, and only if it matters.
create trigger assigned after insert or update on test.task for each row execute function emit_notification_event_trigger(
    'task.assigned', 'target=assignee_id', 'actor=author', 'payload=task_name:title,count', 'dedup=id,assignee_id', 'update=assignee_id', 'priority=high');
insert into test.task (id, title, assignee_id, author, count) values (1, 'Milk', test.person(1), test.person(2), 1.50), (2, 'Bread', null, null, null);
select * from test.events;
select metadata ->> 'table' as "table", metadata ->> 'trigger' as trigger, actor_user_id = test.person(2) as actor from herald.notification_events;
update test.task set title = 'Oat milk';
update test.task set assignee_id = test.person(2) where id = 1;
select target, payload, dedup_key, operation from test.events;
-- The same fact again is no new event; the same key with another payload does not stop the row.
update test.task set assignee_id = null where id = 1;
update test.task set assignee_id = test.person(2) where id = 1;
select count(*) from test.events;
update test.task set assignee_id = null, title = 'Rye bread' where id = 1;
update test.task set assignee_id = test.person(2) where id = 1;
select target, status, regexp_replace(problems::text, '[0-9a-f]{8}-[-0-9a-f]+', '<uuid>', 'g') as problems, payload, dedup_key from test.events offset 2;
select id, problems from herald.notification_events where status = 'quarantined' \gset quarantined_
select release_notification_event(:'quarantined_id');
select status from herald.notification_events where id = :'quarantined_id';
select body, phone_number from test.deliveries order by body, phone_number;
drop trigger assigned on test.task;

-- The row before, DELETE, the whole row, times, every subscriber.
truncate herald.notification_events cascade;
create trigger gone after delete on test.task for each row execute function emit_notification_event_trigger('task.any', 'payload=message:title,id', 'expires_at=due_at');
create trigger changed after update on test.task for each row when (new.status <> 'gone') execute function emit_notification_event_trigger(
    'task.any', 'payload=message:title,was:old.status,now:new.status', 'update=status,note', 'scheduled_for=due_at', 'target=old.assignee_id');
update test.task set status = 'done', due_at = '2999-01-01 00:00+00' where id = 1;
update test.task set status = 'gone';
delete from test.task where id = 2;
select target, payload, operation from test.events;
select scheduled_for = '2999-01-01 00:00+00' as later, expires_at from herald.notification_events;
drop trigger gone on test.task;
drop trigger changed on test.task;
truncate herald.notification_events cascade;
create trigger whole after insert on test.task for each row execute function emit_notification_event_trigger('task.any', 'payload=*', 'target=assignee_id');
insert into test.task (id, title, assignee_id, note) values (3, 'Eggs', test.person(1), 'n');
select payload - 'assignee_id' as payload from test.events;
drop trigger whole on test.task;

-- For each statement: one event per row, in every kind of statement.
truncate herald.notification_events cascade;
create trigger all_new after insert on test.task referencing new table as n for each statement
    execute function emit_notification_event_trigger('task.any', 'target=assignee_id', 'payload=id,message:title');
create trigger all_changed after update on test.task referencing old table as o new table as n for each statement
    execute function emit_notification_event_trigger('task.any', 'target=assignee_id', 'payload=message:title,was:old.status', 'update=status');
create trigger all_gone after delete on test.task referencing old table as o for each statement
    execute function emit_notification_event_trigger('task.any', 'target=assignee_id', 'payload=message:title');
insert into test.task (id, title, assignee_id) select n, 'Task ' || n, case when n <> 13 then test.person(1 + n % 2) end from generate_series(11, 14) n;
update test.task set status = case when id = 12 then 'open' else 'done' end where id > 10;
delete from test.task where id in (11, 12);
insert into test.task (id) select 1 where false;
insert into test.task (id, title, assignee_id) values (14, 'Again', test.person(1)), (15, 'New', test.person(1))
    on conflict (id) do update set status = 'again';
select operation, target, payload, status from test.events;
-- Another trigger reads the same rows.
create trigger all_new_too after insert on test.task referencing new table as n for each statement
    execute function emit_notification_event_trigger('task.any', 'target=assignee_id', 'payload=message:title');
insert into test.task (id, title, assignee_id) values (16, 'Twice', test.person(1));
select count(*) from test.events where payload ->> 'message' = 'Twice';
drop table test.task;

-- Faults are found when the trigger is made.
create table test.thing (id integer, name text, owner uuid, at timestamptz);
select * from test.error($$create trigger t after insert on test.thing for each row execute function emit_notification_event_trigger()$$);
select * from test.error($$create trigger t after insert on test.thing for each row execute function emit_notification_event_trigger('x.y', 'target=nobody', 'payload=name,colour', 'size=5')$$);
select * from test.error($$create trigger t after insert on test.thing for each row execute function emit_notification_event_trigger('x.y', 'target=id', 'scheduled_for=name', 'payload=old.name')$$);
select * from test.error($$create trigger t before insert on test.thing for each row execute function emit_notification_event_trigger('x.y')$$);
select * from test.error($$create trigger t after insert on test.thing for each statement execute function emit_notification_event_trigger('x.y')$$);
select * from test.error($$create trigger t after truncate on test.thing for each statement execute function emit_notification_event_trigger('x.y')$$);
select * from test.error($$create trigger t after update on test.thing referencing new table as n for each statement execute function emit_notification_event_trigger('x.y', 'update=name')$$);
select count(*) from pg_trigger where tgrelid = 'test.thing'::regclass;

-- A fault that comes later does not stop the row's change; that of a strict type does.
create trigger t after insert on test.thing for each row execute function emit_notification_event_trigger('task.any', 'target=owner', 'payload=message:name');
create trigger u after insert on test.thing for each row execute function emit_notification_event_trigger('no.type', 'target=owner');
select * from check_notification_trigger('test.thing');
truncate herald.notification_events cascade;
alter table test.thing rename column name to title;
insert into test.thing values (1, 'One', test.person(1));
select event_type, target, status, problems, payload from test.events;
select * from check_notification_trigger();
update herald.notification_event_types set strict = true where event_type = 'task.any';
select * from test.error($$insert into test.thing values (2, 'Two', test.person(1))$$);
drop trigger t on test.thing;
create trigger t after insert on test.thing for each row execute function emit_notification_event_trigger('task.assigned', 'target=title', 'payload=message:title');
select * from check_notification_trigger('test.thing');
truncate herald.notification_events cascade;
insert into test.thing values (3, 'not a user', null);
select event_type, target, status, problems from test.events where event_type <> 'no.type';
select * from test.error('select check_notification_trigger(1)');

-- Whoever changes the row needs no right on pg_herald, and the code of a type runs with no more rights than theirs.
drop role if exists regress_herald_writer;
create role regress_herald_writer;
grant usage on schema test to regress_herald_writer;
create type test.box as enum ('small', 'large');
create table test.seen (who text);
create function test.box_to_json(test.box) returns json language plpgsql as $$
begin
    insert into test.seen values (current_user);
    return '"box"'::json;
end $$;
create cast (test.box as json) with function test.box_to_json(test.box);
create table test.parcel (id integer, owner uuid, box test.box);
grant insert on test.parcel, test.seen to regress_herald_writer;
create trigger t after insert on test.parcel for each row execute function emit_notification_event_trigger('task.assigned', 'target=owner', 'payload=task_name:box');
set role regress_herald_writer;
insert into test.parcel values (1, test.person(1), 'small');
reset role;
select * from test.seen;
select target, status, payload from test.events where event_type = 'task.assigned' and operation = 'INSERT' and status <> 'quarantined';
drop owned by regress_herald_writer;
drop role regress_herald_writer;
-- Without the extension the table goes on.
set client_min_messages = error;
drop extension pg_herald cascade;
insert into test.parcel values (2, test.person(1), 'large');
