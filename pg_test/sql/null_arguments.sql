-- NULL in every argument of every function: a clear error, or the default, never a silent nothing.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');

-- Emit: only the type has no default.
select * from test.error('select emit_notification_event(event_type => null, payload => null)');
select * from test.error('select emit_notification_event(null, payload => null, target_user_id => null, actor_user_id => null)');
select * from test.error('select emit_notification_event(p_event_type => null)');
select emit_notification_event('test.plain', payload => null, target_user_id => null, actor_user_id => null,
    scheduled_for => null, dedup_key => null, priority => null, expires_at => null) as event \gset
select event_source, payload, metadata, priority, status, problems from herald.notification_events where id = :'event';
select emit_notification_event('test.plain', null::text, null, null, null, null, null) as event \gset
select event_source, payload, metadata, priority, status, problems from herald.notification_events where id = :'event';

-- Queue.
select * from test.error($$select queue_sms_message(null, test.phone(1), 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), null, 'hello')$$);
select * from test.error($$select queue_sms_message(test.person(1), test.phone(1), null)$$);
select queue_sms_message(test.person(1), test.phone(1), 'hello', null, null, null) as message \gset
select priority, status, scheduled_for, metadata from herald.sms_messages where id = :'message';

-- The rest of the application's and the administrator's.
select * from test.error('select check_template(null)');
select * from test.error('select preview_template(null)');
select * from test.error('select why(null)');
select * from test.error('select get_user_notifications(null)');
select * from test.error('select get_user_notifications(test.person(1), null)');
select count(*) as rows from get_user_notifications(test.person(1), 1, null, null);
select * from test.error('select count_unread_notifications(null)');
select * from test.error('select mark_notification_read(null, test.person(1))');
select * from test.error('select mark_notification_read(test.person(1), null)');
select * from test.error('select mark_all_notifications_read(null)');
select * from test.error('select dismiss_notification(null, test.person(1))');
select * from test.error('select dismiss_notification(test.person(1), null)');
select * from test.error('select retry_notification_delivery(null)');
select * from test.error('select resend_notification_delivery(null)');
select * from test.error('select get_notification_overview_metrics(null)');
select count(*) as rows from get_notification_overview_metrics('1 day', null);
select * from test.error('select get_notification_channel_performance(null)');
select * from test.error('select get_notification_event_performance(null)');
select * from test.error($$select get_notification_delivery_timeline(null, 'day')$$);
select * from test.error($$select get_notification_delivery_timeline('1 day', null)$$);
select * from test.error($$select get_notification_failed_deliveries(null, 1)$$);
select * from test.error($$select get_notification_failed_deliveries('1 day', null)$$);
select * from test.error('select get_sms_notification_stats(null)');
select count(*) as rows from check_notification_trigger(null);
select * from test.error($$select herald_emit_row(null, '{}', '{}', 'null', 'null')$$);
select * from test.error($$select herald_emit_row('{x}', null, '{}', 'null', 'null')$$);
select * from test.error($$select herald_emit_row('{x}', '{a,b,c}', null, 'null', 'null')$$);
select * from test.error('select get_user_sms_channel_info(null)');
select * from test.error('select cancel_sms_message(null)');
select * from test.error('select cancel_notification_event(null)');
select * from test.error('select herald_grant(null, current_user::regrole)');
select * from test.error($$select herald_grant('app', null)$$);
select * from test.error($$select herald_set_setting(null, '1')$$);
select * from test.error($$select herald_set_setting('lease_seconds', null)$$);
select * from test.error('select release_notification_event(null)');
select * from test.error($$select update_sms_status_atomic(null, 'SM1', 'sent', null)$$);
select * from test.error($$select update_sms_status_atomic(test.person(1), null, 'sent', null)$$);
select * from test.error($$select update_sms_status_atomic(test.person(1), 'SM1', null, null)$$);
select count(*) as rows from update_sms_status_atomic(test.person(1), 'SM1', 'sent', null, null, null);

-- People.
select * from test.error('select get_notification_preferences(null)');
select * from test.error($$select set_notification_preferences(null, '{}')$$);
select * from test.error('select set_notification_preferences(test.person(1), null)');
select * from test.error($$select subscribe(null, 'test.plain')$$);
select * from test.error('select subscribe(test.person(1), null)');
select subscribe(test.person(1), 'test.plain', null, null, null, null, null, null) ->> 'success' as success;
select * from test.error($$select unsubscribe(null, 'test.plain')$$);
select * from test.error('select unsubscribe(test.person(1), null)');
select * from test.error($$select start_phone_verification(null, test.phone(1))$$);
select * from test.error('select start_phone_verification(test.person(1), null)');
select * from test.error($$select confirm_phone_verification(null, '1234')$$);
select * from test.error('select confirm_phone_verification(test.person(1), null)');
select * from test.error('select get_phone_verification(null)');
select * from test.error('call verify_phone_code(null, null)');
select * from test.error('select remove_phone_number(null)');
select * from test.error($$select import_verified_number(null, test.phone(1), 'x')$$);
select * from test.error($$select import_verified_number(test.person(1), null, 'x')$$);
select * from test.error('select import_verified_number(test.person(1), test.phone(1), null)');
select count(*) as everybody from search_notification_recipients(null, null);
select * from test.error($$select search_notification_recipients('', null, null)$$);
select * from test.error('select send_test_notification(null, array[test.person(1)])');
select * from test.error($$select send_test_notification('test.plain', null)$$);
select * from test.error($$select send_test_notification('test.plain', array[test.person(1)], null, null)$$);

-- The daemon's.
select * from test.error('select claim_phone_verifications(null, 1)');
select * from test.error('select claim_phone_verifications(test.worker(1), null)');
select * from test.error($$select complete_phone_verification(null, test.person(1), 1, 'sent')$$);
select * from test.error($$select complete_phone_verification(test.worker(1), null, 1, 'sent')$$);
select * from test.error($$select complete_phone_verification(test.worker(1), test.person(1), null, 'sent')$$);
select * from test.error('select complete_phone_verification(test.worker(1), test.person(1), 1, null)');
select * from complete_phone_verification(test.worker(1), test.person(1), 1, 'sent', null);
select * from test.error($$select herald_dispatcher_hello(null, '1')$$);
select * from test.error('select herald_dispatcher_hello(test.worker(1), null)');
select * from test.error('select claim_sms_messages(null, 1)');
select * from test.error('select claim_sms_messages(test.worker(1), null)');
select * from test.error($$select complete_sms_messages(null, '[]')$$);
select * from test.error('select complete_sms_messages(test.worker(1), null)');
select * from test.error($$select extend_dispatch_leases(null, '{}')$$);
select * from test.error('select extend_dispatch_leases(test.worker(1), null)');
select count(*) as held from extend_dispatch_leases(test.worker(1), array[null]::uuid[]);
select * from test.error('select fan_out_notification_events(null)');
select * from test.error('select record_twilio_callbacks(null)');

-- No function that people call is strict: a NULL always reaches the code that says what it means. What the statements call per
-- recipient is: NULL in, NULL out.
select p.proname from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
where d.refobjid = (select oid from pg_extension where extname = 'pg_herald') and p.proisstrict order by 1;
select * from test.error('select herald_retry_delay(null, 300, 1, 0)');
select * from test.error('select herald_retry_delay(5, null, 1, 0)');
select * from test.error('select herald_retry_delay(5, 300, null, 0)');
select * from test.error('select herald_retry_delay(5, 300, 1, null)');
