-- The people: who wants what, on which number, with which proof.
-- user_id is the application's id; there is no foreign key into the application.

create table herald.user_notification_preferences (
    id                     uuid        not null default gen_random_uuid() primary key,
    user_id                uuid        not null constraint user_notification_preferences_user_key unique,
    sms_enabled            boolean     not null default false,
    email_enabled          boolean     not null default false,
    push_enabled           boolean     not null default false,
    in_app_enabled         boolean     not null default false,
    should_email_daily_brief boolean   not null default false,
    should_sms_daily_brief boolean     not null default false,
    priority               text        not null default 'normal'
                           constraint user_notification_preferences_priority_check
                           check (priority in ('urgent', 'high', 'normal', 'low')),
    batch_enabled          boolean     not null default false,
    batch_interval_minutes integer
                           constraint user_notification_preferences_batch_check check (batch_interval_minutes > 0),
    max_per_day            integer constraint user_notification_preferences_max_day_check check (max_per_day >= 0),
    max_per_hour           integer constraint user_notification_preferences_max_hour_check check (max_per_hour >= 0),
    created_at             timestamptz not null default pg_catalog.now(),
    updated_at             timestamptz not null default pg_catalog.now()
);
comment on table herald.user_notification_preferences is
    'One row per user: which channels may be used at all. No row, or a channel that is off, means no notification on it.';
comment on column herald.user_notification_preferences.id is 'Identity of the row.';
comment on column herald.user_notification_preferences.user_id is 'The application''s user.';
comment on column herald.user_notification_preferences.sms_enabled is 'Text messages wanted.';
comment on column herald.user_notification_preferences.email_enabled is 'E-mail wanted.';
comment on column herald.user_notification_preferences.push_enabled is 'Push messages wanted.';
comment on column herald.user_notification_preferences.in_app_enabled is 'Messages inside the application wanted.';
comment on column herald.user_notification_preferences.should_email_daily_brief is 'Daily brief by e-mail wanted.';
comment on column herald.user_notification_preferences.should_sms_daily_brief is 'Daily brief by text wanted.';
comment on column herald.user_notification_preferences.priority is 'The user''s own lowest priority.';
comment on column herald.user_notification_preferences.batch_enabled is 'Collect notifications.';
comment on column herald.user_notification_preferences.batch_interval_minutes is 'How long to collect, in minutes.';
comment on column herald.user_notification_preferences.max_per_day is 'Most notifications a day, or NULL.';
comment on column herald.user_notification_preferences.max_per_hour is 'Most notifications an hour, or NULL.';
comment on column herald.user_notification_preferences.created_at is 'When the row was made.';
comment on column herald.user_notification_preferences.updated_at is 'When the row was last changed.';

create table herald.user_sms_preferences (
    id                         uuid        not null default gen_random_uuid() primary key,
    user_id                    uuid        not null constraint user_sms_preferences_user_key unique,
    phone_number               text
                               constraint user_sms_preferences_phone_check check (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
    phone_verified             boolean     not null default false,
    phone_verified_at          timestamptz,
    opted_out                  boolean     not null default false,
    opted_out_at               timestamptz,
    opt_out_reason             text,
    quiet_hours_start          time        not null default '21:00',
    quiet_hours_end            time        not null default '08:00',
    timezone                   text        not null default 'UTC',
    urgent_alerts              boolean     not null default true,
    urgent_bypass_quiet_hours  boolean     not null default true,
    daily_sms_limit            integer     not null default 10
                               constraint user_sms_preferences_limit_check check (daily_sms_limit >= 0),
    daily_sms_count            integer     not null default 0
                               constraint user_sms_preferences_count_check check (daily_sms_count >= 0),
    daily_count_reset_at       timestamptz not null default pg_catalog.now(),
    event_reminders_enabled    boolean     not null default true,
    event_reminder_lead_time_minutes integer not null default 15
                               constraint user_sms_preferences_lead_check check (event_reminder_lead_time_minutes >= 0),
    morning_kickoff_enabled    boolean     not null default false,
    morning_kickoff_time       time,
    evening_recap_enabled      boolean     not null default false,
    created_at                 timestamptz not null default pg_catalog.now(),
    updated_at                 timestamptz not null default pg_catalog.now(),
    constraint user_sms_preferences_verified_check check (not phone_verified or phone_number is not null)
);
create unique index user_sms_preferences_verified_phone_key
    on herald.user_sms_preferences (phone_number) where phone_verified;
create index user_sms_preferences_phone_idx on herald.user_sms_preferences (phone_number);
comment on index herald.user_sms_preferences_verified_phone_key is 'A verified number belongs to one user.';
comment on index herald.user_sms_preferences_phone_idx is 'Finds a number and its opt-out, whoever''s row it is in.';
comment on table herald.user_sms_preferences is
    'One row per user: the number, the proof that it is theirs, the opt-out, and when they want to be left alone.';
comment on column herald.user_sms_preferences.id is 'Identity of the row.';
comment on column herald.user_sms_preferences.user_id is 'The application''s user.';
comment on column herald.user_sms_preferences.phone_number is 'E.164 number, such as +14155550100, or NULL.';
comment on column herald.user_sms_preferences.phone_verified is 'True: the user proved that the number is theirs. Nothing is sent without it.';
comment on column herald.user_sms_preferences.phone_verified_at is 'When they proved it.';
comment on column herald.user_sms_preferences.opted_out is 'True: the number asked for no more texts. Nothing is sent.';
comment on column herald.user_sms_preferences.opted_out_at is 'When it did.';
comment on column herald.user_sms_preferences.opt_out_reason is 'How we know, such as twilio_21610.';
comment on column herald.user_sms_preferences.quiet_hours_start is 'Start of quiet hours in the user''s time zone, inclusive.';
comment on column herald.user_sms_preferences.quiet_hours_end is 'End of quiet hours in the user''s time zone, exclusive; equal to the start = none.';
comment on column herald.user_sms_preferences.timezone is 'IANA time zone, such as Europe/Berlin.';
comment on column herald.user_sms_preferences.urgent_alerts is 'Urgent texts wanted.';
comment on column herald.user_sms_preferences.urgent_bypass_quiet_hours is 'Urgent texts may come in quiet hours.';
comment on column herald.user_sms_preferences.daily_sms_limit is 'Most texts per local day.';
comment on column herald.user_sms_preferences.daily_sms_count is 'Texts counted since daily_count_reset_at.';
comment on column herald.user_sms_preferences.daily_count_reset_at is 'Start of the current count.';
comment on column herald.user_sms_preferences.event_reminders_enabled is 'Calendar reminders wanted.';
comment on column herald.user_sms_preferences.event_reminder_lead_time_minutes is 'How long before an event to remind, in minutes.';
comment on column herald.user_sms_preferences.morning_kickoff_enabled is 'Morning text wanted.';
comment on column herald.user_sms_preferences.morning_kickoff_time is 'When, in the user''s time zone.';
comment on column herald.user_sms_preferences.evening_recap_enabled is 'Evening text wanted.';
comment on column herald.user_sms_preferences.created_at is 'When the row was made.';
comment on column herald.user_sms_preferences.updated_at is 'When the row was last changed.';

create table herald.notification_subscriptions (
    id             uuid        not null default gen_random_uuid() primary key,
    user_id        uuid        not null,
    event_type     text        not null,
    is_active      boolean     not null default true,
    admin_only     boolean     not null default false,
    filters        jsonb       not null default '{}'
                   constraint notification_subscriptions_filters_check check (jsonb_typeof(filters) = 'object'),
    sms_enabled    boolean,
    email_enabled  boolean,
    push_enabled   boolean,
    in_app_enabled boolean,
    created_by     uuid,
    created_at     timestamptz not null default pg_catalog.now(),
    updated_at     timestamptz not null default pg_catalog.now(),
    constraint notification_subscriptions_event_user_key unique (event_type, user_id)
);
create index notification_subscriptions_user_idx on herald.notification_subscriptions (user_id);
comment on index herald.notification_subscriptions_user_idx is 'A user''s subscriptions.';
comment on table herald.notification_subscriptions is
    'Who wants to hear of what: one row per user and event type. The unique key is the index that emit walks.';
comment on column herald.notification_subscriptions.id is 'Identity of the row.';
comment on column herald.notification_subscriptions.user_id is 'The application''s user.';
comment on column herald.notification_subscriptions.event_type is 'The event type; not checked, so that a subscription may come before its registration.';
comment on column herald.notification_subscriptions.is_active is 'False: as if the row were not there.';
comment on column herald.notification_subscriptions.admin_only is 'Kept for programs of the original system; the registry decides who must be an administrator.';
comment on column herald.notification_subscriptions.filters is 'Only events whose payload contains this object (jsonb containment) count; {} = all.';
comment on column herald.notification_subscriptions.sms_enabled is 'Texts for this event type; NULL = the user''s default.';
comment on column herald.notification_subscriptions.email_enabled is 'E-mail for this event type; NULL = the user''s default.';
comment on column herald.notification_subscriptions.push_enabled is 'Push for this event type; NULL = the user''s default.';
comment on column herald.notification_subscriptions.in_app_enabled is 'In-app for this event type; NULL = the user''s default.';
comment on column herald.notification_subscriptions.created_by is 'Who subscribed the user, or NULL.';
comment on column herald.notification_subscriptions.created_at is 'When the row was made.';
comment on column herald.notification_subscriptions.updated_at is 'When the row was last changed.';

create view herald.recipients as
    select n.user_id,
           null::text                    as email,
           null::text                    as name,
           false                         as is_admin,
           coalesce(s.timezone, 'UTC')   as timezone
    from herald.user_notification_preferences n
    left join herald.user_sms_preferences s using (user_id);
comment on view herald.recipients is
    'The application''s people, as pg_herald sees them. Replace it (create or replace view) by one over your own tables, with the same columns.';
comment on column herald.recipients.user_id is 'The application''s user.';
comment on column herald.recipients.email is 'E-mail address, or NULL.';
comment on column herald.recipients.name is 'Name for people, or NULL.';
comment on column herald.recipients.is_admin is 'True: may receive admin_only event types.';
comment on column herald.recipients.timezone is 'IANA time zone.';

create table herald.phone_verifications (
    id               uuid        not null default gen_random_uuid() primary key,
    user_id          uuid        not null,
    phone_number     text        not null
                     constraint phone_verifications_phone_check check (phone_number ~ '^\+[1-9][0-9]{6,14}$'),
    verification_sid text,
    channel          text        not null default 'sms'
                     constraint phone_verifications_channel_check check (channel in ('sms', 'call', 'email', 'whatsapp')),
    status           text        not null default 'pending'
                     constraint phone_verifications_status_check
                     check (status in ('pending', 'approved', 'expired', 'failed', 'superseded', 'canceled')),
    attempts         integer     not null default 0,
    sent_count       integer     not null default 0,
    failure_reason   text,
    expires_at       timestamptz,
    created_at       timestamptz not null default pg_catalog.now(),
    updated_at       timestamptz not null default pg_catalog.now()
);
create index phone_verifications_user_idx on herald.phone_verifications (user_id, created_at desc);
create index phone_verifications_phone_idx on herald.phone_verifications (phone_number, created_at desc);
comment on index herald.phone_verifications_user_idx is 'A user''s latest verification, and how many they started.';
comment on index herald.phone_verifications_phone_idx is 'A number''s latest verification, and how often it was started.';
comment on table herald.phone_verifications is 'Numbers being proven. A number becomes verified only through such a row.';
comment on column herald.phone_verifications.id is 'Identity of the verification.';
comment on column herald.phone_verifications.user_id is 'The application''s user.';
comment on column herald.phone_verifications.phone_number is 'The number being proven, E.164.';
comment on column herald.phone_verifications.verification_sid is 'Twilio''s id of the verification.';
comment on column herald.phone_verifications.channel is 'How the code is sent.';
comment on column herald.phone_verifications.status is 'pending, approved, expired, failed, superseded or canceled.';
comment on column herald.phone_verifications.attempts is 'Codes tried.';
comment on column herald.phone_verifications.sent_count is 'Codes sent.';
comment on column herald.phone_verifications.failure_reason is 'Why it failed.';
comment on column herald.phone_verifications.expires_at is 'When the code ends.';
comment on column herald.phone_verifications.created_at is 'When it was started.';
comment on column herald.phone_verifications.updated_at is 'When the row was last changed.';

create table herald.sms_consent_events (
    id           uuid        not null default gen_random_uuid() primary key,
    occurred_at  timestamptz not null default pg_catalog.now(),
    user_id      uuid,
    phone_number text        not null,
    kind         text        not null
                 constraint sms_consent_events_kind_check
                 check (kind in ('verified', 'opt_in', 'opt_out', 'help', 'provider_block', 'admin')),
    source       text        not null,
    wording      text,
    message_sid  text
);
create index sms_consent_events_phone_idx on herald.sms_consent_events (phone_number, occurred_at);
comment on index herald.sms_consent_events_phone_idx is 'The history of a number.';
comment on table herald.sms_consent_events is 'Evidence, append-only: who agreed to or refused texts, when, how and in which words.';
comment on column herald.sms_consent_events.id is 'Identity of the row.';
comment on column herald.sms_consent_events.occurred_at is 'When it happened.';
comment on column herald.sms_consent_events.user_id is 'The application''s user, or NULL if the number is nobody''s.';
comment on column herald.sms_consent_events.phone_number is 'The number, E.164.';
comment on column herald.sms_consent_events.kind is 'verified, opt_in, opt_out, help, provider_block or admin.';
comment on column herald.sms_consent_events.source is 'How we learned of it, such as inbound or twilio_21610.';
comment on column herald.sms_consent_events.wording is 'The words of the person, or those they agreed to.';
comment on column herald.sms_consent_events.message_sid is 'Twilio''s id of the message concerned, or NULL.';
