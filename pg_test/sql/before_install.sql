-- Before herald_install() every function says the same clear thing.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
set client_min_messages = warning;
drop schema herald cascade;
select * from test.error($$select emit_notification_event('x.y', payload => '{}')$$);
select * from test.error($$select emit_notification_event('x.y', 'api_action')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), 'hello')$$);
select * from test.error($$select get_user_sms_channel_info(test.person(1))$$);
select * from test.error($$select cancel_sms_message(test.person(1))$$);
select * from test.error($$select cancel_notification_event(test.person(1))$$);
select * from test.error($$select herald_grant('app', current_user::regrole)$$);
select * from test.error($$select herald_set_setting('lease_seconds', '90')$$);
select * from test.error($$select release_notification_event(test.person(1))$$);
select * from test.error($$select update_sms_status_atomic(test.person(1), 'SM1', 'sent', null)$$);
select * from test.error($$select herald_dispatcher_hello(test.worker(1), '1')$$);
select * from test.error($$select claim_sms_messages(test.worker(1), 1)$$);
select * from test.error($$select complete_sms_messages(test.worker(1), '[]')$$);
select * from test.error($$select extend_dispatch_leases(test.worker(1), '{}')$$);
select * from test.error($$select expire_dispatch_leases()$$);
select * from test.error($$select fan_out_notification_events()$$);
select * from test.error($$select record_twilio_callbacks('[]')$$);
select * from test.error($$select record_twilio_inbound('[]')$$);
select * from test.error($$select opt_out_user(test.person(1))$$);
select * from test.error($$select get_sms_opt_out_status(test.person(1))$$);
select * from test.error($$select export_consent_evidence()$$);
select * from test.error($$select erase_user(test.person(1))$$);
select * from test.error($$select purge_expired_records()$$);
select * from test.error($$select herald_next_due()$$);
select * from test.error($$select herald_queue_stats()$$);
select * from test.error($$select preview_template('x')$$);
select * from test.error($$select why(test.person(1))$$);
select * from test.error($$select retry_notification_delivery(test.person(1))$$);
select * from test.error($$select get_notification_overview_metrics()$$);
create table test.row (id integer);
create trigger emits after insert on test.row for each row execute function emit_notification_event_trigger('x.y');
select * from test.error($$insert into test.row values (1)$$);
drop table test.row;

-- These two need no tables.
select herald_admin(), herald_uuid_v7() < herald_uuid_v7() as ids_ascend;

-- An older schema than the library's is as good as none: here one without any migration.
create schema herald;
select regexp_replace(error, '\d+$', 'N') as error from test.error($$select emit_notification_event('x.y')$$) as e (error);
select herald_install() > 0 as installed;
select count(*) from herald_queue_stats();
