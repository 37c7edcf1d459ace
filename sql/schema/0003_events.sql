-- What happened (events) and whom it concerns (deliveries).

create table herald.notification_events (
    id                uuid        not null primary key,
    event_type        text        not null,
    event_source      text        not null
                      constraint notification_events_source_check
                      check (event_source in ('database_trigger', 'worker_job', 'api_action', 'cron_scheduler')),
    actor_user_id     uuid,
    target_user_id    uuid,
    payload           jsonb       not null default '{}',
    metadata          jsonb       not null default '{}',
    correlation_id    uuid,
    dedup_key         text,
    priority          text        not null
                      constraint notification_events_priority_check check (priority in ('urgent', 'high', 'normal', 'low')),
    scheduled_for     timestamptz,
    expires_at        timestamptz,
    template_id       uuid,
    status            text        not null
                      constraint notification_events_status_check
                      check (status in ('fanning_out', 'fanned_out', 'quarantined', 'cancelled')),
    problems          text[]      not null default '{}',
    fan_out_cursor    uuid,
    fan_out_count     integer     not null default 0,
    created_at        timestamptz not null default pg_catalog.now()
) with (fillfactor = 90);
create unique index notification_events_dedup_key
    on herald.notification_events (dedup_key, event_type, target_user_id) nulls not distinct
    where dedup_key is not null;
create index notification_events_type_idx on herald.notification_events (event_type, created_at desc);
create index notification_events_quarantine_idx on herald.notification_events (created_at) where status = 'quarantined';
comment on index herald.notification_events_dedup_key is 'A dedup_key is used once per event type and target, for ever.';
comment on index herald.notification_events_type_idx is 'The latest events of a type.';
comment on index herald.notification_events_quarantine_idx is 'What waits in quarantine, oldest first.';
comment on table herald.notification_events is 'One row per emit_notification_event call that was committed.';
comment on column herald.notification_events.id is 'UUIDv7, so rows are in order of time.';
comment on column herald.notification_events.event_type is 'As emitted; may be unknown to the registry, then the event is quarantined.';
comment on column herald.notification_events.event_source is 'database_trigger, worker_job, api_action or cron_scheduler.';
comment on column herald.notification_events.actor_user_id is 'Who caused it, or NULL.';
comment on column herald.notification_events.target_user_id is 'The one recipient, or NULL for every subscriber.';
comment on column herald.notification_events.payload is 'The facts; templates are filled from it.';
comment on column herald.notification_events.metadata is 'The caller''s own notes.';
comment on column herald.notification_events.correlation_id is 'Ties the event to a request, from payload or metadata.';
comment on column herald.notification_events.dedup_key is 'The caller''s idempotency key, or NULL.';
comment on column herald.notification_events.priority is 'urgent, high, normal or low.';
comment on column herald.notification_events.scheduled_for is 'Not before this time; NULL = at once.';
comment on column herald.notification_events.expires_at is 'Not after this time; NULL = whenever.';
comment on column herald.notification_events.template_id is 'The template version the text was made from.';
comment on column herald.notification_events.status is 'fanning_out (deliveries still to be written), fanned_out, quarantined (bad input, see problems) or cancelled.';
comment on column herald.notification_events.problems is 'What was wrong with the input, one line each.';
comment on column herald.notification_events.fan_out_cursor is 'Last user served by a deferred fan-out.';
comment on column herald.notification_events.fan_out_count is 'Deliveries written so far.';
comment on column herald.notification_events.created_at is 'Time of the emitting transaction.';

create table herald.notification_deliveries (
    id                 uuid        not null primary key,
    event_id           uuid        not null references herald.notification_events (id) on delete cascade,
    subscription_id    uuid,
    recipient_user_id  uuid        not null,
    channel            text        not null
                       constraint notification_deliveries_channel_check check (channel in ('sms', 'email', 'push', 'in_app')),
    channel_identifier text        not null default '',
    status             text        not null default 'pending'
                       constraint notification_deliveries_status_check
                       check (status in ('pending', 'deferred', 'queued', 'sent', 'delivered', 'opened', 'clicked',
                                         'suppressed', 'cancelled', 'failed', 'bounced')),
    suppress_reason    text,
    payload            jsonb       not null default '{}',
    external_id        text,
    correlation_id     uuid,
    tracking_id        text,
    attempts           integer     not null default 0,
    max_attempts       integer     not null default 3,
    last_error         text,
    sent_at            timestamptz,
    delivered_at       timestamptz,
    opened_at          timestamptz,
    clicked_at         timestamptz,
    failed_at          timestamptz,
    created_at         timestamptz not null default pg_catalog.now(),
    updated_at         timestamptz not null default pg_catalog.now(),
    constraint notification_deliveries_recipient_key
        unique (event_id, recipient_user_id, channel, channel_identifier),
    constraint notification_deliveries_reason_check check ((status = 'suppressed') = (suppress_reason is not null))
) with (fillfactor = 70);
-- subscription_id has no foreign key: the check would lock, and so dirty, every subscription row on each emit.
create index notification_deliveries_recipient_idx
    on herald.notification_deliveries (recipient_user_id, created_at desc);
comment on index herald.notification_deliveries_recipient_idx is 'A user''s latest notifications.';
comment on table herald.notification_deliveries is
    'One row per event, recipient and channel: it ends in a final status, or it was suppressed for a stated reason.';
comment on column herald.notification_deliveries.id is 'UUIDv7.';
comment on column herald.notification_deliveries.event_id is 'The event.';
comment on column herald.notification_deliveries.subscription_id is 'The subscription that made it, as of then.';
comment on column herald.notification_deliveries.recipient_user_id is 'The application''s user.';
comment on column herald.notification_deliveries.channel is 'sms, email, push or in_app.';
comment on column herald.notification_deliveries.channel_identifier is 'For sms the number it goes to; empty when there is none.';
comment on column herald.notification_deliveries.status is
    'pending, deferred, queued (claimed), sent (Twilio accepted it), delivered, opened, clicked; suppressed, cancelled, failed, bounced.';
comment on column herald.notification_deliveries.suppress_reason is 'Why nothing is sent; set exactly when status is suppressed.';
comment on column herald.notification_deliveries.payload is 'Facts of this delivery alone; the event''s are with the event.';
comment on column herald.notification_deliveries.external_id is 'For sms the id of the row in herald.sms_messages.';
comment on column herald.notification_deliveries.correlation_id is 'As in the event.';
comment on column herald.notification_deliveries.tracking_id is 'Kept for programs of the original system.';
comment on column herald.notification_deliveries.attempts is 'Attempts that count.';
comment on column herald.notification_deliveries.max_attempts is 'Attempts allowed.';
comment on column herald.notification_deliveries.last_error is 'What went wrong last, in words.';
comment on column herald.notification_deliveries.sent_at is 'When Twilio accepted it.';
comment on column herald.notification_deliveries.delivered_at is 'When the carrier''s receipt reached us.';
comment on column herald.notification_deliveries.opened_at is 'When it was read, if the channel tells.';
comment on column herald.notification_deliveries.clicked_at is 'When a link was followed.';
comment on column herald.notification_deliveries.failed_at is 'When it failed for good.';
comment on column herald.notification_deliveries.created_at is 'When the row was made.';
comment on column herald.notification_deliveries.updated_at is 'When the row was last changed.';
