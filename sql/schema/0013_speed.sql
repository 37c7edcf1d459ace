-- What a write costs. Postgres reads, plans and compiles the stored text of every CHECK anew in each statement that writes:
-- that was half of the work of inserting one event with its text. The CHECK of a domain it keeps per backend. So what a value
-- may be stands in domains, and one CHECK per table casts to all of them; the columns are text as before. A value that is not
-- allowed is refused as before (23514), in the name of the domain's constraint.

create domain herald.event_source as text
    constraint notification_events_source_check
    check (value in ('database_trigger', 'worker_job', 'api_action', 'cron_scheduler'));
comment on domain herald.event_source is 'Where an event comes from.';
create domain herald.event_status as text
    constraint notification_events_status_check check (value in ('fanning_out', 'fanned_out', 'quarantined', 'cancelled'));
comment on domain herald.event_status is 'What has become of an event.';
create domain herald.priority as text
    constraint priority_check check (value in ('urgent', 'high', 'normal', 'low'));
comment on domain herald.priority is 'How urgent an event or a text is.';
create domain herald.channel as text
    constraint notification_deliveries_channel_check check (value in ('sms', 'email', 'push', 'in_app'));
comment on domain herald.channel is 'A way to reach somebody.';
create domain herald.delivery_status as text
    constraint notification_deliveries_status_check
    check (value in ('pending', 'deferred', 'queued', 'sent', 'delivered', 'opened', 'clicked',
                     'suppressed', 'cancelled', 'failed', 'bounced'));
comment on domain herald.delivery_status is 'What has become of a delivery.';
create domain herald.message_status as text
    constraint sms_messages_status_check
    check (value in ('scheduled', 'pending', 'queued', 'sending', 'unknown', 'sent',
                     'undelivered', 'failed', 'cancelled', 'delivered', 'read'));
comment on domain herald.message_status is 'What has become of a text.';
create domain herald.phone_number as text
    constraint sms_messages_phone_check check (value ~ '^\+[1-9][0-9]{6,14}$');
comment on domain herald.phone_number is 'A number in E.164.';
create domain herald.message_content as text
    constraint sms_messages_content_check check (value <> '');
comment on domain herald.message_content is 'A text that says something.';
create domain herald.message_encoding as text
    constraint sms_messages_encoding_check check (value in ('GSM-7', 'UCS-2'));
comment on domain herald.message_encoding is 'How a text travels.';
create domain herald.max_attempts as integer
    constraint sms_messages_max_attempts_check check (value > 0);
comment on domain herald.max_attempts is 'How often a text may be tried.';
create domain herald.job_type as text
    constraint queue_jobs_type_check check (value in ('send_sms', 'fan_out', 'verify'));
comment on domain herald.job_type is 'What waits in the queue.';

-- num_nulls is there to take the values: the casts refuse, the comparison never does, and NULL passes where the column allows it.
alter table herald.notification_events
    drop constraint notification_events_source_check,
    drop constraint notification_events_priority_check,
    drop constraint notification_events_status_check,
    add constraint notification_events_values_check
        check (num_nulls(event_source::herald.event_source, priority::herald.priority, status::herald.event_status) >= 0);
alter table herald.notification_deliveries
    drop constraint notification_deliveries_channel_check,
    drop constraint notification_deliveries_status_check,
    add constraint notification_deliveries_values_check
        check (num_nulls(channel::herald.channel, status::herald.delivery_status) >= 0);
alter table herald.sms_messages
    drop constraint sms_messages_phone_check,
    drop constraint sms_messages_content_check,
    drop constraint sms_messages_status_check,
    drop constraint sms_messages_priority_check,
    drop constraint sms_messages_max_attempts_check,
    drop constraint sms_messages_encoding_check,
    add constraint sms_messages_values_check
        check (num_nulls(phone_number::herald.phone_number, message_content::herald.message_content,
                         status::herald.message_status, priority::herald.priority, max_attempts::herald.max_attempts,
                         encoding::herald.message_encoding) >= 0);
alter table herald.queue_jobs
    drop constraint queue_jobs_type_check,
    add constraint queue_jobs_values_check check (num_nulls(job_type::herald.job_type) >= 0);

-- Nothing reads it: what happened in a period is found by the ids, which are in order of time.
drop index herald.notification_events_type_idx;
