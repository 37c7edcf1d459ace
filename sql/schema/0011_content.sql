-- What is said and where it can be read: languages of people, templates that are checked when they are written, and the
-- notifications inside the application.

alter table herald.user_notification_preferences
    add column locale text
        constraint user_notification_preferences_locale_check check (locale ~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$');
comment on column herald.user_notification_preferences.locale is
    'The person''s language, such as de or pt-BR; NULL = the setting default_locale. Texts fall back from pt-BR to pt to the default.';

comment on column herald.sms_templates.max_length is
    'Longest text in characters (UTF-16 units, what Twilio limits) that this template gives: a longer one is shortened, its values first, and the event notes text_shortened.';

create function herald.guard_template_insert() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    extension_schema name;
begin
    -- By name at run time: the tables must not depend on the extension, and without it there is nobody to ask.
    select n.nspname into extension_schema
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) e.extnamespace
    where e.extname operator(pg_catalog.=) 'pg_herald';
    if extension_schema is not null then
        execute pg_catalog.format('select %I.check_template($1, $2)', extension_schema)
        using new.message_template, new.required_vars;
    end if;
    return new;
end
$$;
comment on function herald.guard_template_insert() is
    'Trigger function: refuses a template that cannot be read (22023), through check_template() of the extension if that is installed.';
revoke execute on function herald.guard_template_insert() from public;

create trigger guard_template_insert before insert on herald.sms_templates
    for each row execute function herald.guard_template_insert();
comment on trigger guard_template_insert on herald.sms_templates is 'Only templates that can be read are stored.';

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('in_app_notify', 'integer', '0', 0, 1,
     '1: a new notification inside the application is announced with NOTIFY on the channel herald_user_ID, where ID is the user''s id, with the notification''s id as payload. 0: not; NOTIFY makes commits wait for each other.');

create table herald.user_notifications (
    id           uuid        not null primary key,
    user_id      uuid        not null,
    event_id     uuid,
    event_type   text        not null,
    delivery_id  uuid        references herald.notification_deliveries (id) on delete cascade,
    title        text        not null,
    body         text        not null,
    action_url   text        constraint user_notifications_action_url_check check (action_url ~ '^(https?://|/([^/\\]|$))'),
    priority     text        not null default 'normal'
                 constraint user_notifications_priority_check check (priority in ('urgent', 'high', 'normal', 'low')),
    visible_from timestamptz not null default pg_catalog.now(),
    expires_at   timestamptz,
    read_at      timestamptz,
    dismissed_at timestamptz,
    created_at   timestamptz not null default pg_catalog.now()
) with (fillfactor = 90);
create index user_notifications_user_idx on herald.user_notifications (user_id, id desc) where dismissed_at is null;
create index user_notifications_unread_idx on herald.user_notifications (user_id) where read_at is null and dismissed_at is null;
create unique index user_notifications_delivery_key on herald.user_notifications (delivery_id) where delivery_id is not null;
comment on index herald.user_notifications_user_idx is 'A user''s list, newest first.';
comment on index herald.user_notifications_unread_idx is 'What a user has not read.';
comment on index herald.user_notifications_delivery_key is 'A delivery has at most one notification.';
comment on table herald.user_notifications is
    'Notifications inside the application (channel in_app): one row is one entry of a user''s list. Read and changed through functions.';
comment on column herald.user_notifications.id is 'UUIDv7: in order of time.';
comment on column herald.user_notifications.user_id is 'Whose list it is in.';
comment on column herald.user_notifications.event_id is 'The event it is about.';
comment on column herald.user_notifications.event_type is 'The event''s type.';
comment on column herald.user_notifications.delivery_id is 'The delivery it carries out.';
comment on column herald.user_notifications.title is 'The payload''s "title", or else the description of the event type.';
comment on column herald.user_notifications.body is 'The text.';
comment on column herald.user_notifications.action_url is 'Where a click leads: the payload''s "action_url" if that is http(s) or a path of the application, otherwise NULL.';
comment on column herald.user_notifications.priority is 'The event''s priority.';
comment on column herald.user_notifications.visible_from is 'Not shown before this time: the event''s scheduled_for.';
comment on column herald.user_notifications.expires_at is 'Not shown after this time; NULL = for ever.';
comment on column herald.user_notifications.read_at is 'When the user read it.';
comment on column herald.user_notifications.dismissed_at is 'When the user put it away.';
comment on column herald.user_notifications.created_at is 'When it was made.';

comment on column herald.notification_deliveries.external_id is
    'The text (sms_messages.id) or the notification inside the application (user_notifications.id), as text; NULL = suppressed.';
comment on column herald.notification_event_types.default_channels is
    'Channels a subscriber is notified on: sms and in_app; email and push have no adapter yet and are recorded as suppressed (no_adapter).';
