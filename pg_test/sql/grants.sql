-- herald_grant(): what each of the four roles can do, and what it cannot.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set client_min_messages = warning;
drop role if exists regress_herald_app, regress_herald_dispatcher, regress_herald_admin, regress_herald_auditor, regress_herald_nobody, "Regress Herald-App";
reset client_min_messages;
create role regress_herald_app;
create role regress_herald_dispatcher;
create role regress_herald_admin;
create role regress_herald_auditor;
create role regress_herald_nobody;
create role "Regress Herald-App";

-- Bad input.
select * from test.error($$select herald_grant('everything', 'regress_herald_app')$$);
select * from test.error($$select herald_grant('App', 'regress_herald_app')$$);
select * from test.error($$select herald_grant('app', 'regress_herald_missing')$$);

select herald_grant('app', 'regress_herald_app');
select herald_grant('app', '"Regress Herald-App"');
select herald_grant('dispatcher', 'regress_herald_dispatcher');
select herald_grant('admin', 'regress_herald_admin');
select herald_grant('auditor', 'regress_herald_auditor');
-- Again is the same.
select herald_grant('auditor', 'regress_herald_auditor');

-- Functions, per role.
create view test.members as
    select p.oid, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as function
    from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    where d.refobjid = (select oid from pg_extension where extname = 'pg_herald');
create function test.x(role text, function oid) returns text language sql as
    $$ select case when has_function_privilege(role, function, 'execute') then 'x' end $$;
select left(function, 60) as function, test.x('regress_herald_app', oid) as app, test.x('regress_herald_dispatcher', oid) as dispatcher,
       test.x('regress_herald_admin', oid) as admin, test.x('regress_herald_auditor', oid) as auditor, test.x('regress_herald_nobody', oid) as nobody
from test.members order by function collate "C";
select count(*) filter (where has_function_privilege('regress_herald_app', oid, 'execute')
    is distinct from has_function_privilege('Regress Herald-App', oid, 'execute')) as differences from test.members;

-- Tables, per role: r(ead), a(dd), w(rite), d(elete).
create function test.rights(role text, relation oid) returns text language sql as $$
    select concat(case when has_table_privilege(role, relation, 'select') then 'r' end, case when has_table_privilege(role, relation, 'insert') then 'a' end,
                  case when has_table_privilege(role, relation, 'update') then 'w' end, case when has_table_privilege(role, relation, 'delete') then 'd' end,
                  case when has_table_privilege(role, relation, 'truncate') then 'D' end)
$$;
select relname, test.rights('regress_herald_app', oid) as app, test.rights('regress_herald_dispatcher', oid) as dispatcher,
       test.rights('regress_herald_admin', oid) as admin, test.rights('regress_herald_auditor', oid) as auditor
from pg_class where relnamespace = 'herald'::regnamespace and relkind in ('r', 'v') order by relname collate "C";
select role, has_schema_privilege(role, 'herald', 'usage') as usage, has_schema_privilege(role, 'herald', 'create') as create
from unnest('{regress_herald_app,regress_herald_dispatcher,regress_herald_admin,regress_herald_auditor}'::text[]) as role;

-- In practice.
call test.subscriber(1, 'task.due_soon');
grant usage on schema test to public;

set role regress_herald_app;
select emit_notification_event('task.due_soon', payload => '{"task_name": "Milk", "due_time": "today"}') as event \gset
select emit_notification_event('task.due_soon', 'worker_job', null, null, '{"task_name": "Bread", "due_time": "today"}'::jsonb) is not null as ok;
select queue_sms_message(test.person(1), test.phone(1), 'own number') as message \gset
select phone_number from get_user_sms_channel_info(test.person(1));
select * from cancel_sms_message(:'message');
select * from cancel_notification_event(:'event');
select * from test.error($$select queue_sms_message(test.person(1), '+14155550100', 'stranger')$$);
select next_step from get_sms_opt_out_status(test.person(2));
select * from opt_out_user(test.person(2), 'asked for it');
select * from test.error('select erase_user(test.person(2))');
select * from test.error('select export_consent_evidence()');
select * from test.error($$select record_twilio_inbound('[]')$$);
select * from test.error('select * from herald.sms_messages');
select * from test.error('select * from herald.recipients');
select * from test.error($$insert into herald.queue_jobs (subject_id, job_type, priority, run_at) values (test.person(1), 'send_sms', 1, now())$$);
select * from test.error('select claim_sms_messages(test.worker(1), 1)');
select * from test.error($$select complete_sms_messages(test.worker(1), '[]')$$);
select * from test.error($$select record_twilio_callbacks('[]')$$);
select * from test.error($$select herald_set_setting('lease_seconds', '90')$$);
select * from test.error($$select herald_grant('admin', 'regress_herald_app')$$);
select * from test.error('select herald_install()');
select * from test.error('select herald_admin()');
select * from test.error(format('select release_notification_event(%L)', :'event'));
select * from test.error($$select update_sms_status_atomic(test.person(1), 'SM1', 'sent', null)$$);
select * from test.error('select herald_wake()');
select * from test.error('select herald_uuid_v7()');
select get_notification_preferences(test.person(1)) ->> 'sms_enabled' as sms_enabled;
select set_notification_preferences(test.person(1), '{"email_enabled": true}') ->> 'success' as success;
select start_phone_verification(test.person(1), test.phone(1)) is not null as started;
select confirm_phone_verification(test.person(1), '123456');
select status from get_phone_verification(test.person(1));
call verify_phone_code(test.person(1), '12');
select * from test.error($$select import_verified_number(test.person(1), test.phone(1), 'x')$$);
select * from test.error($$select * from search_notification_recipients('')$$);
select * from test.error($$select * from send_test_notification('task.due_soon', array[test.person(1)])$$);
select * from test.error('select * from claim_phone_verifications(test.worker(1), 1)');
-- Its own objects do not slip in under ours: search_path is fixed.
create temp table settings (name text, value jsonb);
set search_path = pg_temp, public;
select count(*) from public.get_user_sms_channel_info(test.person(1));
reset search_path;
reset role;

set role regress_herald_dispatcher;
select lease_seconds from herald_dispatcher_hello(test.worker(1), '1');
select count(*) from claim_sms_messages(test.worker(1), 10);
select count(*) from complete_sms_messages(test.worker(1), '[]');
select count(*) from extend_dispatch_leases(test.worker(1), '{}');
select expire_dispatch_leases();
select count(*) from fan_out_notification_events();
select count(*) from record_twilio_callbacks('[]');
select step, phone_number from claim_phone_verifications(test.worker(1), 1);
select * from complete_phone_verification(test.worker(1), test.person(1), 1, 'sent');
select herald_next_due();
select result from record_twilio_inbound(jsonb_build_array(jsonb_build_object('message_sid', 'SM1', 'from', test.phone(3), 'to', '+15005550006', 'body', 'stop')));
select sum(records) from purge_expired_records();
select count(*) from herald_queue_stats();
select * from test.error('select * from herald.sms_messages');
select * from test.error($$select confirm_phone_verification(test.person(1), '123456')$$);
select * from test.error($$select emit_notification_event('task.due_soon')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), 'x')$$);
select * from test.error('select cancel_sms_message(test.person(1))');
select * from test.error($$select herald_set_setting('lease_seconds', '90')$$);
reset role;

set role regress_herald_admin;
select queue_sms_message(test.person(1), '+14155550100', 'any number') is not null as ok;
select herald_set_setting('lease_seconds', '120');
select herald_admin();
select count(*) from herald.sms_messages;
insert into herald.notification_event_types (event_type) values ('admin.made');
-- Whose number it is and whether it opted out is not written directly, not even with rights on the whole table.
update herald.user_sms_preferences set daily_sms_limit = 5, quiet_hours_start = '22:00';
insert into herald.user_sms_preferences (user_id, timezone) values (test.person(8), 'Europe/Madrid');
select * from test.error('update herald.user_sms_preferences set opted_out = false');
select * from test.error('update herald.user_sms_preferences set phone_verified = true');
select * from test.error($$insert into herald.user_sms_preferences (user_id, phone_number, phone_verified) values (test.person(9), test.phone(9), true)$$);
select * from test.error('delete from herald.user_sms_preferences');
select import_verified_number(test.person(8), test.phone(8), 'signed');
select count(*) from search_notification_recipients('');
insert into herald.sms_templates (template_key, name, message_template) values ('admin_made', 'A', 'A');
update herald.twilio_error_codes set is_edited = true where code = 30008;
select * from test.error('select * from herald.settings');
select * from test.error($$update herald.sms_messages set status = 'pending'$$);
select * from test.error('delete from herald.sms_consent_events');
select * from test.error($$delete from herald.sms_templates where template_key = 'welcome_sms'$$);
select * from test.error('select claim_sms_messages(test.worker(1), 1)');
select * from test.error($$select herald_grant('app', 'regress_herald_nobody')$$);
select * from test.error('select herald_install()');
reset role;

grant insert, update on herald.user_sms_preferences to regress_herald_admin;
set role regress_herald_admin;
select * from test.error('update herald.user_sms_preferences set opted_out = true, daily_sms_limit = 1');
select * from test.error('update herald.user_sms_preferences set phone_number = null');
select * from test.error($$insert into herald.user_sms_preferences (user_id, phone_number) values (test.person(9), test.phone(9))$$);
update herald.user_sms_preferences set opted_out = opted_out, daily_sms_limit = 1;
reset role;
-- Granted again, the rights are the narrow ones.
select herald_grant('admin', 'regress_herald_admin');
select has_table_privilege('regress_herald_admin', 'herald.user_sms_preferences', 'update') as whole_table,
       has_column_privilege('regress_herald_admin', 'herald.user_sms_preferences', 'timezone', 'update') as zone,
       has_column_privilege('regress_herald_admin', 'herald.user_sms_preferences', 'phone_verified', 'update') as proof;

set role regress_herald_auditor;
select count(*) from herald.sms_messages;
select count(*) from herald_queue_stats();
select count(*) > 0 as ok from export_consent_evidence();
select * from test.error('select erase_user(test.person(2))');
select * from test.error('select * from herald.settings');
select * from test.error('select * from herald.phone_verification_codes');
select * from test.error('delete from herald.sms_messages');
select * from test.error($$select emit_notification_event('task.due_soon')$$);
reset role;

set role regress_herald_nobody;
select * from test.error($$select emit_notification_event('task.due_soon')$$);
select * from test.error('select * from herald.sms_messages');
reset role;

-- A function of the application that runs as its owner gives a caller no more than the caller's own mark.
create function test.send_as_owner() returns uuid language sql security definer as
    $$ select queue_sms_message(test.person(1), '+14155550100', 'through a function') $$;
set role regress_herald_app;
select * from test.error('select test.send_as_owner()');
reset role;

-- Elsewhere than in public: a grant opens the schema too. (A backend keeps the plans of the schema that it has worked in.)
set client_min_messages = error;
drop schema herald cascade;
drop schema test cascade;
drop extension pg_herald;
create schema notifications;
create extension pg_herald schema notifications;
\c -
select notifications.herald_install() > 0 as installed;
select notifications.herald_grant('app', 'regress_herald_nobody');
select notifications.herald_grant('dispatcher', 'regress_herald_dispatcher');
set role regress_herald_nobody;
select notifications.emit_notification_event('user.welcome') is not null as ok;
reset role;
set role regress_herald_dispatcher;
select count(*) from notifications.claim_sms_messages(gen_random_uuid(), 1);
reset role;

set client_min_messages = error;
drop schema herald cascade;
drop extension pg_herald;
drop schema notifications;
drop owned by regress_herald_app, regress_herald_dispatcher, regress_herald_admin, regress_herald_auditor, regress_herald_nobody, "Regress Herald-App";
drop role regress_herald_app, regress_herald_dispatcher, regress_herald_admin, regress_herald_auditor, regress_herald_nobody, "Regress Herald-App";
