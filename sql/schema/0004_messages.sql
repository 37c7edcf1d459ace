-- The texts themselves, the ledger of what was asked of Twilio, and what Twilio and people answered.

create table herald.sms_messages (
    id                       uuid        not null primary key,
    user_id                  uuid        not null,
    phone_number             text        not null
                             constraint sms_messages_phone_check check (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
    message_content          text        not null
                             constraint sms_messages_content_check check (message_content <> ''),
    template_id              uuid,
    template_vars            jsonb,
    status                   text        not null default 'pending'
                             constraint sms_messages_status_check
                             check (status in ('scheduled', 'pending', 'queued', 'sending', 'unknown', 'sent',
                                               'undelivered', 'failed', 'cancelled', 'delivered', 'read')),
    priority                 text        not null default 'normal'
                             constraint sms_messages_priority_check check (priority in ('urgent', 'high', 'normal', 'low')),
    scheduled_for            timestamptz,
    expires_at               timestamptz,
    sent_at                  timestamptz,
    delivered_at             timestamptz,
    failed_at                timestamptz,
    twilio_sid               text,
    twilio_status            text,
    twilio_error_code        integer,
    twilio_error_message     text,
    error_category           text,
    cancel_reason            text,
    attempt_count            integer     not null default 0,
    max_attempts             integer     not null default 3
                             constraint sms_messages_max_attempts_check check (max_attempts > 0),
    last_attempt             integer     not null default 0,
    batch_id                 uuid,
    next_retry_at            timestamptz,
    queue_job_id             uuid,
    segments                 smallint,
    encoding                 text        constraint sms_messages_encoding_check check (encoding in ('GSM-7', 'UCS-2')),
    price                    numeric,
    price_unit               text,
    by_admin                 boolean     not null default false,
    project_id               uuid,
    task_id                  uuid,
    metadata                 jsonb       not null default '{}',
    notification_delivery_id uuid        references herald.notification_deliveries (id) on delete set null,
    created_at               timestamptz not null default pg_catalog.now(),
    updated_at               timestamptz not null default pg_catalog.now()
) with (fillfactor = 60);
-- template_id has no foreign key: every emit would lock the one row of its template; a template version is never deleted.
-- No index on status, twilio_sid or updated_at: the changes of a message's life stay HOT. A SID is found through the ledger.
create unique index sms_messages_delivery_key
    on herald.sms_messages (notification_delivery_id) where notification_delivery_id is not null;
create index sms_messages_user_idx on herald.sms_messages (user_id, created_at desc);
comment on index herald.sms_messages_delivery_key is 'A delivery has at most one message.';
comment on index herald.sms_messages_user_idx is 'A user''s latest messages.';
comment on table herald.sms_messages is 'The record of one text, from the moment it is wanted to the last word about it.';
comment on column herald.sms_messages.id is 'UUIDv7.';
comment on column herald.sms_messages.user_id is 'The application''s user it is for.';
comment on column herald.sms_messages.phone_number is 'The number, E.164; looked up anew when the message is claimed, unless by_admin.';
comment on column herald.sms_messages.message_content is 'The text.';
comment on column herald.sms_messages.template_id is 'The template version it was made from, or NULL.';
comment on column herald.sms_messages.template_vars is 'Kept for programs of the original system; the values are in the event''s payload.';
comment on column herald.sms_messages.status is
    'scheduled, pending; queued (claimed by a daemon); sending (Twilio has it); unknown (asked, no answer: not sent again before it is resolved); sent; undelivered, failed, cancelled; delivered; read. Moves forward only.';
comment on column herald.sms_messages.priority is 'urgent, high, normal or low.';
comment on column herald.sms_messages.scheduled_for is 'Not before this time; NULL = at once.';
comment on column herald.sms_messages.expires_at is 'Not after this time; NULL = whenever.';
comment on column herald.sms_messages.sent_at is 'When Twilio handed it to the carrier, as far as we were told.';
comment on column herald.sms_messages.delivered_at is 'When the carrier''s receipt reached us.';
comment on column herald.sms_messages.failed_at is 'When it failed for good.';
comment on column herald.sms_messages.twilio_sid is 'Twilio''s id of the current attempt; unique through the ledger.';
comment on column herald.sms_messages.twilio_status is 'Twilio''s own last word that was taken over.';
comment on column herald.sms_messages.twilio_error_code is 'Twilio''s error code, see herald.twilio_error_codes.';
comment on column herald.sms_messages.twilio_error_message is 'Our words for the error.';
comment on column herald.sms_messages.error_category is 'Group of the error, from the catalogue.';
comment on column herald.sms_messages.cancel_reason is 'Why it was cancelled: the gate''s reason, or requested.';
comment on column herald.sms_messages.attempt_count is 'Attempts that count against max_attempts.';
comment on column herald.sms_messages.max_attempts is 'Attempts allowed.';
comment on column herald.sms_messages.last_attempt is 'Number of the latest claim, as in the ledger and the callback URL.';
comment on column herald.sms_messages.batch_id is 'The claimed batch it is in now; the fence that a result must match. NULL = in none.';
comment on column herald.sms_messages.next_retry_at is 'When it is tried again.';
comment on column herald.sms_messages.queue_job_id is 'Kept for programs of the original system; a waiting message''s queue row has the message''s own id.';
comment on column herald.sms_messages.segments is 'Segments billed, as counted by us until Twilio says.';
comment on column herald.sms_messages.encoding is 'GSM-7 or UCS-2.';
comment on column herald.sms_messages.price is 'What Twilio charged.';
comment on column herald.sms_messages.price_unit is 'Currency of the price.';
comment on column herald.sms_messages.by_admin is 'True: an administrator named the number, so it need not be the user''s verified one.';
comment on column herald.sms_messages.project_id is 'Kept for programs of the original system.';
comment on column herald.sms_messages.task_id is 'Kept for programs of the original system.';
comment on column herald.sms_messages.metadata is 'The caller''s own notes.';
comment on column herald.sms_messages.notification_delivery_id is 'The delivery it carries out, or NULL for a message queued directly.';
comment on column herald.sms_messages.created_at is 'When the row was made.';
comment on column herald.sms_messages.updated_at is 'When the row was last changed.';

create table herald.sms_send_attempts (
    message_id    uuid        not null references herald.sms_messages (id) on delete cascade,
    attempt       integer     not null constraint sms_send_attempts_attempt_check check (attempt > 0),
    batch_id      uuid,
    worker        uuid,
    started_at    timestamptz not null,
    finished_at   timestamptz not null,
    outcome       text        not null
                  constraint sms_send_attempts_outcome_check check (outcome in ('accepted', 'rejected', 'not_sent', 'unknown')),
    reason        text,
    sid           text,
    http_status   integer,
    error_code    integer,
    error_message text,
    request_id    text,
    resolved_by   text
                  constraint sms_send_attempts_resolved_check check (resolved_by in ('callback', 'list', 'deadline', 'operator')),
    resolved_at   timestamptz,
    constraint sms_send_attempts_pkey primary key (message_id, attempt)
);
create unique index sms_send_attempts_sid_key on herald.sms_send_attempts (sid) where sid is not null;
create index sms_send_attempts_unknown_idx on herald.sms_send_attempts (finished_at) where outcome = 'unknown';
comment on index herald.sms_send_attempts_sid_key is 'A SID never belongs to two messages.';
comment on index herald.sms_send_attempts_unknown_idx is 'What is in doubt, oldest first.';
comment on table herald.sms_send_attempts is 'The ledger: one row for each time a message was claimed and how that ended.';
comment on column herald.sms_send_attempts.message_id is 'The message.';
comment on column herald.sms_send_attempts.attempt is 'Number of the claim, from 1.';
comment on column herald.sms_send_attempts.batch_id is 'The batch it was claimed in.';
comment on column herald.sms_send_attempts.worker is 'The daemon process.';
comment on column herald.sms_send_attempts.started_at is 'When the request began, by the database''s clock.';
comment on column herald.sms_send_attempts.finished_at is 'When its outcome was written.';
comment on column herald.sms_send_attempts.outcome is 'accepted (Twilio has it), rejected (Twilio refused it), not_sent (provably never taken), unknown.';
comment on column herald.sms_send_attempts.reason is 'More about it, such as lease_expired, connect or shutdown.';
comment on column herald.sms_send_attempts.sid is 'Twilio''s id of the message.';
comment on column herald.sms_send_attempts.http_status is 'HTTP status of the answer, or NULL if there was none.';
comment on column herald.sms_send_attempts.error_code is 'Twilio''s error code.';
comment on column herald.sms_send_attempts.error_message is 'What Twilio or the network said, without number or text.';
comment on column herald.sms_send_attempts.request_id is 'Twilio-Request-Id of the answer, for Twilio''s support.';
comment on column herald.sms_send_attempts.resolved_by is 'What settled an unknown outcome: callback, list, deadline or operator.';
comment on column herald.sms_send_attempts.resolved_at is 'When it was settled.';

create table herald.twilio_callbacks (
    id                uuid        not null default gen_random_uuid() primary key,
    received_at       timestamptz not null default pg_catalog.now(),
    message_id        uuid,
    attempt           integer,
    message_sid       text        not null,
    message_status    text        not null,
    error_code        integer,
    raw_dlr_done_date text,
    idempotency_token text,
    params            jsonb       not null default '{}',
    result            text        not null
                      constraint twilio_callbacks_result_check
                      check (result in ('applied', 'stale', 'duplicate', 'orphan', 'conflict', 'ignored'))
);
create index twilio_callbacks_sid_idx on herald.twilio_callbacks (message_sid);
comment on index herald.twilio_callbacks_sid_idx is 'The callbacks of a message; also finds duplicates.';
comment on table herald.twilio_callbacks is 'Every signed status callback, append-only, with what was done about it.';
comment on column herald.twilio_callbacks.id is 'UUIDv7.';
comment on column herald.twilio_callbacks.received_at is 'When it was stored.';
comment on column herald.twilio_callbacks.message_id is 'Our id from the callback URL, or the message found by its SID.';
comment on column herald.twilio_callbacks.attempt is 'Our attempt number from the callback URL.';
comment on column herald.twilio_callbacks.message_sid is 'Twilio''s id of the message.';
comment on column herald.twilio_callbacks.message_status is 'Twilio''s status word, as sent.';
comment on column herald.twilio_callbacks.error_code is 'Twilio''s error code, with failed and undelivered only.';
comment on column herald.twilio_callbacks.raw_dlr_done_date is 'The carrier''s time, YYMMDDhhmm without zone, as sent.';
comment on column herald.twilio_callbacks.idempotency_token is 'I-Twilio-Idempotency-Token: equal on all retries of one callback.';
comment on column herald.twilio_callbacks.params is 'All form parameters.';
comment on column herald.twilio_callbacks.result is
    'applied; stale (not ahead of what we knew); duplicate; orphan (no such message); conflict (another SID is stored); ignored (status unknown to us).';

create table herald.sms_inbound_messages (
    id                    uuid        not null default gen_random_uuid() primary key,
    received_at           timestamptz not null default pg_catalog.now(),
    message_sid           text        not null constraint sms_inbound_messages_sid_key unique,
    messaging_service_sid text,
    from_number           text        not null,
    to_number             text        not null,
    body                  text        not null default '',
    keyword               text,
    opt_out_type          text,
    user_id               uuid,
    handled               text        not null default 'stored',
    params                jsonb       not null default '{}'
);
create index sms_inbound_messages_from_idx on herald.sms_inbound_messages (from_number, received_at desc);
comment on index herald.sms_inbound_messages_from_idx is 'What a number texted us last.';
comment on table herald.sms_inbound_messages is 'What people texted us, and what was done.';
comment on column herald.sms_inbound_messages.id is 'Identity of the row.';
comment on column herald.sms_inbound_messages.received_at is 'When it was stored.';
comment on column herald.sms_inbound_messages.message_sid is 'Twilio''s id.';
comment on column herald.sms_inbound_messages.messaging_service_sid is 'The Messaging Service it came through, or NULL.';
comment on column herald.sms_inbound_messages.from_number is 'The person''s number, E.164.';
comment on column herald.sms_inbound_messages.to_number is 'Our number.';
comment on column herald.sms_inbound_messages.body is 'The text.';
comment on column herald.sms_inbound_messages.keyword is 'The keyword found in it, or NULL.';
comment on column herald.sms_inbound_messages.opt_out_type is 'OptOutType of Twilio''s Advanced Opt-Out, or NULL.';
comment on column herald.sms_inbound_messages.user_id is 'The user whose number it is, or NULL.';
comment on column herald.sms_inbound_messages.handled is 'What was done.';
comment on column herald.sms_inbound_messages.params is 'All form parameters.';
