-- Nothing is sent that was not committed, whatever the transaction looks like.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create function test.emit(body text) returns uuid language sql as
    $$ select emit_notification_event('test.plain', payload => jsonb_build_object('message', body)) $$;
create view test.rows as
    select (select count(*) from herald.notification_events) as events, (select count(*) from herald.notification_deliveries) as deliveries,
           (select count(*) from herald.sms_messages) as messages, (select count(*) from herald.queue_jobs) as queued;

-- Rollback.
begin;
select test.emit('rolled back') is not null as ok;
select * from test.rows;
rollback;
select * from test.rows;

-- Savepoint: what came after it is gone, what came before stays.
begin;
select test.emit('before the savepoint') is not null as ok;
savepoint s;
select test.emit('after the savepoint') is not null as ok;
rollback to savepoint s;
select test.emit('after the rollback') is not null as ok;
release savepoint s;
commit;
select body from test.claim(1);
select * from test.rows;

-- An exception block of PL/pgSQL.
do $$
begin
    perform test.emit('outside the block');
    begin
        perform test.emit('inside the block');
        raise division_by_zero;
    exception when division_by_zero then null;
    end;
    begin
        perform queue_sms_message(test.person(1), 'no number', 'inside a block that fails in a call');
    exception when invalid_parameter_value then
        perform test.emit('in the handler');
    end;
end
$$;
select body from test.claim(1) order by body collate "C";

-- A failed transaction.
begin;
select test.emit('failed') is not null as ok;
select 1 / 0;
commit;
select * from test.claim(1);

-- A procedure that commits in between.
create procedure test.in_parts() language plpgsql as $$
begin
    perform test.emit('first part');
    commit;
    perform test.emit('second part');
    rollback;
    perform test.emit('third part');
end
$$;
call test.in_parts();
select body from test.claim(1) order by body;

-- Triggers of an application's table: after, before with the id of the new row, per statement.
create table test.task (id uuid primary key default gen_random_uuid(), name text, deleted boolean default false);
create function test.task_after() returns trigger language plpgsql as
    $$ begin perform test.emit('after ' || new.name); return null; end $$;
create function test.task_before() returns trigger language plpgsql as $$
begin
    new.id := herald_uuid_v7();
    perform emit_notification_event('test.plain', 'database_trigger', new.id, null,
                                    jsonb_build_object('message', 'before ' || new.name, 'task', new.id));
    return new;
end
$$;
create function test.task_statement() returns trigger language plpgsql as
    $$ begin perform test.emit('statement ' || count(*)) from inserted; return null; end $$;
create trigger a after insert on test.task for each row execute function test.task_after();
create trigger b before insert on test.task for each row execute function test.task_before();
create trigger c after insert on test.task referencing new table as inserted for each statement execute function test.task_statement();
insert into test.task (name) values ('Milk'), ('Bread');
select body from test.claim(1) order by body collate "C";
select t.name, e.event_source, e.actor_user_id = t.id as same_actor from test.task t
join herald.notification_events e on e.payload ->> 'task' = t.id::text order by 1;
begin;
insert into test.task (name) values ('Wine');
rollback;
select * from test.claim(1);
-- A deferred constraint trigger, which runs at commit.
drop trigger a on test.task;
drop trigger b on test.task;
drop trigger c on test.task;
create constraint trigger d after insert on test.task deferrable initially deferred for each row execute function test.task_after();
begin;
insert into test.task (name) values ('Cheese');
select count(*) from herald.queue_jobs;
commit;
select body from test.claim(1);

-- Many in one statement; as a set and as a common table expression.
select count(test.emit('number ' || n)) from generate_series(1, 100) as n;
with inserted as (insert into test.task (name) values ('CTE') returning name)
select test.emit('with ' || name) is not null as ok from inserted;
select count(*) from test.claim(1);

-- A read-only transaction cannot emit, and says so.
begin read only;
select test.emit('read only');
rollback;

-- Serializable and repeatable read.
begin isolation level serializable;
select test.emit('serializable') is not null as ok;
commit;
begin isolation level repeatable read;
select test.emit('repeatable read') is not null as ok;
commit;
select body from test.claim(1) order by body;

-- Two-phase commit: with notify off it works; otherwise Postgres refuses, because such a transaction cannot notify.
set pg_herald.notify = off;
begin;
select test.emit('prepared') is not null as ok;
prepare transaction 'regress_herald_1';
select * from test.claim(1);
commit prepared 'regress_herald_1';
select body from test.claim(1);
begin;
select test.emit('prepared, rolled back') is not null as ok;
prepare transaction 'regress_herald_2';
rollback prepared 'regress_herald_2';
select * from test.claim(1);
set pg_herald.notify = always;
begin;
select test.emit('cannot be prepared') is not null as ok;
prepare transaction 'regress_herald_3';
-- Turned off in the middle, late is early enough: the trigger asks at commit.
begin;
select test.emit('prepared after all') is not null as ok;
set local pg_herald.notify = off;
prepare transaction 'regress_herald_4';
commit prepared 'regress_herald_4';
select body from test.claim(1);
reset pg_herald.notify;

-- A prepared statement with changing types of NULLs, and a cursor.
prepare e(text, jsonb) as select emit_notification_event($1, payload => $2) is not null as ok;
execute e('test.plain', '{"message": "prepared statement"}');
execute e('test.plain', null);
execute e('test.plain', '{"message": "prepared statement, again"}');
begin;
declare c cursor for select test.emit('cursor ' || n) is not null as ok from generate_series(1, 5) n;
fetch 2 from c;
close c;
commit;
select body from test.claim(1) order by body;
