-- The columns are of the domains themselves now, not text that one CHECK per table casts to them: that CHECK was still read and
-- planned in each statement that writes, and what a column may hold is seen in its type. Drivers see the domain's base type. The
-- table is written anew once, under a lock.
-- A CHECK that compares two columns stays one; so do those of columns that applications write themselves (some drivers refuse to
-- pass a plain value for a domain).

create domain herald.attempt as integer constraint attempt_check check (value > 0);
comment on domain herald.attempt is 'Which attempt, from 1.';
create domain herald.send_outcome as text
    constraint send_outcome_check check (value in ('accepted', 'rejected', 'not_sent', 'unknown'));
comment on domain herald.send_outcome is 'What is known of an attempt.';
create domain herald.resolver as text
    constraint resolver_check check (value in ('callback', 'list', 'fetch', 'deadline', 'operator', 'policy'));
comment on domain herald.resolver is 'What settled an attempt that was in doubt.';
create domain herald.text_count as integer constraint text_count_check check (value >= 0);
comment on domain herald.text_count is 'How many texts.';
create domain herald.type_counts as jsonb constraint type_counts_check check (jsonb_typeof(value) = 'object');
comment on domain herald.type_counts is 'How many texts of each event type.';

-- A view on a column forbids a change of its type. Replaced, not dropped, so that its rights stay: first without the columns.
create or replace view herald.dead_letters as
    select null::uuid as message_id, null::uuid as user_id, null::text as status, null::timestamptz as failed_at,
           null::integer as attempt_count, null::integer as twilio_error_code, null::text as reason, null::text as error_category,
           null::text as event_type, null::uuid as event_id;
create or replace view herald.unknown_messages as
    select null::uuid as message_id, null::integer as attempt, null::uuid as user_id, null::text as reason,
           null::integer as http_status, null::timestamptz as started_at, null::timestamptz as next_look_at,
           null::boolean as absent_once, null::interval as age;

-- The tables are written anew here, so this is the time for it: a third full, a page has room for all versions that a text's row
-- has until Twilio's answer. They stay on it even when a forgotten snapshot forbids to remove any.
alter table herald.sms_messages set (fillfactor = 30);

alter table herald.notification_events
    drop constraint notification_events_values_check,
    alter event_source type herald.event_source,
    alter priority type herald.priority,
    alter status type herald.event_status;
alter table herald.notification_deliveries
    drop constraint notification_deliveries_values_check,
    alter channel type herald.channel,
    alter status type herald.delivery_status;
alter table herald.sms_messages
    drop constraint sms_messages_values_check,
    alter phone_number type herald.phone_number,
    alter message_content type herald.message_content,
    alter status type herald.message_status,
    alter priority type herald.priority,
    alter max_attempts type herald.max_attempts,
    alter encoding type herald.message_encoding;
alter table herald.sms_send_attempts
    drop constraint sms_send_attempts_attempt_check,
    drop constraint sms_send_attempts_outcome_check,
    drop constraint sms_send_attempts_resolved_check,
    alter attempt type herald.attempt,
    alter outcome type herald.send_outcome,
    alter resolved_by type herald.resolver;
alter table herald.user_sms_preferences
    drop constraint user_sms_preferences_count_check,
    drop constraint user_sms_preferences_hourly_count_check,
    drop constraint user_sms_preferences_type_counts_check,
    alter daily_sms_count type herald.text_count,
    alter hourly_sms_count type herald.text_count,
    alter daily_type_counts type herald.type_counts;
alter table herald.queue_jobs
    drop constraint queue_jobs_values_check,
    alter job_type type herald.job_type;

create or replace view herald.dead_letters as
    select m.id as message_id, m.user_id, m.status::text, m.failed_at, m.attempt_count, m.twilio_error_code,
           m.twilio_error_message as reason, m.error_category, e.event_type, e.id as event_id
    from herald.sms_messages m
    left join herald.notification_deliveries d on d.id = m.notification_delivery_id
    left join herald.notification_events e on e.id = d.event_id
    where m.status in ('failed', 'undelivered');
create or replace view herald.unknown_messages as
    select a.message_id, a.attempt::integer, m.user_id, a.reason, a.http_status, a.started_at, a.resolve_at as next_look_at,
           a.absent_at is not null as absent_once, pg_catalog.now() - a.finished_at as age
    from herald.sms_send_attempts a
    join herald.sms_messages m on m.id = a.message_id
    where a.resolve_at is not null;
