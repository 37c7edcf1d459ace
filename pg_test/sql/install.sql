-- herald_install(): what it makes, that it can be repeated, and what it refuses.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all

-- Every table, with its rows that a new installation has.
select relname as name, obj_description(oid, 'pg_class') is not null as has_comment
from pg_class where relnamespace = 'herald'::regnamespace and relkind in ('r', 'v') order by relname collate "C";
select version, name from herald.schema_version order by version;
select event_type, template_key, default_channels, default_priority, admin_only, is_active, strict
from herald.notification_event_types order by event_type;
select name, kind, case kind when 'secret' then jsonb_typeof(value) else value::text end as value, minimum, maximum
from herald.settings order by name;
select count(*) as error_codes from herald.twilio_error_codes;
select length(decode(value #>> '{}', 'base64')) as key_bytes from herald.settings where kind = 'secret';

-- Again: nothing changes, edited rows stay.
update herald.twilio_error_codes set retry = 'never', is_edited = true where code = 30008;
update herald.twilio_error_codes set retry = 'never' where code = 30003;
update herald.twilio_error_codes set retry = 'never' where code = 30017;
update herald.twilio_error_codes set is_edited = false where code = 30017;
update herald.notification_event_types set default_priority = 'low' where event_type = 'brief.ready';
select value as key from herald.settings where name = 'callback_key' \gset
select herald_install() = max(version) as is_current from herald.schema_version;
select code, retry, is_edited from herald.twilio_error_codes where code in (30003, 30008, 30017) order by code;
select event_type, default_priority from herald.notification_event_types where event_type = 'brief.ready';
select value = :'key' as same_key from herald.settings where name = 'callback_key';

-- A backend that worked before a newer schema came works on; install refuses to touch it.
begin;
insert into herald.schema_version (version, name, extension_version) values (9999, 'future', '99');
select regexp_replace(error, '\d+$', 'N') as error from test.error('select herald_install()') as e (error);
rollback;

-- Everything has a comment.
select c.relname from pg_class c
where c.relnamespace = 'herald'::regnamespace and c.relkind in ('r', 'v', 'p', 'm', 'S', 'f')
  and obj_description(c.oid, 'pg_class') is null;
select c.relname, a.attname
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'herald'::regnamespace and c.relkind in ('r', 'v', 'p')
  and col_description(c.oid, a.attnum) is null;
select i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace = 'herald'::regnamespace and obj_description(i.indexrelid, 'pg_class') is null
  and not exists (select from pg_constraint where conindid = i.indexrelid);
select p.oid::regprocedure from pg_proc p
where (p.pronamespace = 'herald'::regnamespace
       or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                  and d.refobjid = (select oid from pg_extension where extname = 'pg_herald')))
  and obj_description(p.oid, 'pg_proc') is null;
select tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'herald'::regnamespace and not tgisinternal and obj_description(t.oid, 'pg_trigger') is null;
select obj_description('sms_priority'::regtype, 'pg_type') is not null as domain,
       obj_description('herald'::regnamespace, 'pg_namespace') is not null as schema;

-- Every check and unique constraint was given its name by us, so that an application can tell them apart; every foreign key
-- that could be walked has an index.
select conrelid::regclass, conname from pg_constraint
where connamespace = 'herald'::regnamespace and contype in ('c', 'u') and conname !~ '^[a-z_]+_(check|key)$';
select conrelid::regclass, conname from pg_constraint k
where connamespace = 'herald'::regnamespace and contype = 'f'
  and not exists (select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1]);

-- Nobody may execute anything without a grant, and every function is safe from the caller's search_path.
select p.oid::regprocedure as public_may_execute
from pg_proc p
where (p.pronamespace = 'herald'::regnamespace
       or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                  and d.refobjid = (select oid from pg_extension where extname = 'pg_herald')))
  and has_function_privilege('public', p.oid, 'execute');
-- (A procedure that commits may not set it: it names the schema of everything instead. These here look nothing up.)
select p.oid::regprocedure as without_search_path
from pg_proc p
where p.prokind = 'f'
  and (p.pronamespace = 'herald'::regnamespace
       or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                  and d.refobjid = (select oid from pg_extension where extname = 'pg_herald')))
  and not coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)
order by p.oid::regprocedure::text collate "C";
select c.oid::regclass as public_may_read from pg_class c
where c.relnamespace = 'herald'::regnamespace and c.relkind in ('r', 'v') and has_table_privilege('public', c.oid, 'select');
select has_schema_privilege('public', 'herald', 'usage') as public_may_use_schema;

-- The tables do not belong to the extension: a dump has their rows, DROP EXTENSION leaves them.
select count(*) as members from pg_depend
where deptype = 'e' and classid = 'pg_class'::regclass
  and refobjid = (select oid from pg_extension where extname = 'pg_herald');
call test.subscriber(1, 'task.due_soon');
select emit_notification_event('task.due_soon', '{"task_name": "Milk", "due_time": "today"}'::jsonb) is not null as emitted;
\set VERBOSITY sqlstate
drop extension pg_herald;
\set VERBOSITY default
set client_min_messages = error;
drop extension pg_herald cascade;
reset client_min_messages;
select status, body from test.messages;
create extension pg_herald;
select tgname from pg_trigger where tgrelid = 'herald.queue_jobs'::regclass and not tgisinternal;
select herald_install() = max(version) as is_current from herald.schema_version;
select tgname, tgdeferrable, tginitdeferred from pg_trigger where tgrelid = 'herald.queue_jobs'::regclass and not tgisinternal;
select emit_notification_event('task.due_soon', '{"task_name": "Bread", "due_time": "today"}'::jsonb) is not null as emitted;
select body, to_number from test.claim(1) order by body;

-- A schema that somebody else made is refused: its owner could slip in code that runs as us.
set client_min_messages = error;
drop schema herald cascade;
drop role if exists regress_herald_squatter;
drop role if exists "Regress Herald-Owner";
reset client_min_messages;
create role regress_herald_squatter;
create schema herald authorization regress_herald_squatter;
select * from test.error('select herald_install()');
select * from test.error($$select emit_notification_event('x.y')$$);
drop schema herald;
drop role regress_herald_squatter;

-- A role whose name needs quotes may own it all.
create role "Regress Herald-Owner" superuser;
set role "Regress Herald-Owner";
select herald_install() > 0 as installed;
select herald_install() > 0 as installed;
select nspowner::regrole from pg_namespace where nspname = 'herald';
reset role;
set client_min_messages = error;
drop owned by "Regress Herald-Owner" cascade;
drop role "Regress Herald-Owner";
