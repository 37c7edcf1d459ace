-- When a text may go and how many of them: quiet hours, limits, caps, and the traces they leave.

alter table herald.notification_deliveries
    add column defer_reason   text,
    add column deferred_until timestamptz;
comment on column herald.notification_deliveries.defer_reason is
    'Why it was last made to wait: quiet_hours, daily_limit, hourly_limit, type_limit, country_cap or global_cap. Stays as a trace when the text has gone.';
comment on column herald.notification_deliveries.deferred_until is 'Until when it was made to wait; then the gate decides again.';

alter table herald.sms_messages
    add column defer_reason   text,
    add column deferred_until timestamptz;
comment on column herald.sms_messages.defer_reason is 'Why it was last made to wait, as on its delivery; a text without a delivery has it only here.';
comment on column herald.sms_messages.deferred_until is 'Until when it was made to wait; then the gate decides again.';

-- The counters stand on the row that the claim locks, so a limit is one row's business and no table of its own.
-- fillfactor: counting changes no index, and with room on the page it stays there.
alter table herald.user_sms_preferences
    alter column timezone drop not null,
    alter column timezone drop default,
    add column daily_type_counts     jsonb       not null default '{}'
               constraint user_sms_preferences_type_counts_check check (jsonb_typeof(daily_type_counts) = 'object'),
    add column hourly_sms_count      integer     not null default 0
               constraint user_sms_preferences_hourly_count_check check (hourly_sms_count >= 0),
    add column hourly_count_reset_at timestamptz not null default pg_catalog.now(),
    set (fillfactor = 80);
comment on column herald.user_sms_preferences.timezone is
    'The user''s own choice of an IANA zone, such as Europe/Madrid; NULL = the one in herald.recipients, and UTC where that has none. Quiet hours in a zone that does not exist suppress every text that they would hold back.';
comment on column herald.user_sms_preferences.daily_sms_count is
    'Texts claimed since daily_count_reset_at and not given back. It counts for the local day of that moment: on a later day the count is 0.';
comment on column herald.user_sms_preferences.daily_count_reset_at is 'When the count last began anew: at the first text of a local day.';
comment on column herald.user_sms_preferences.daily_type_counts is
    'The same per event type that has a limit of its own: name to count, for the same day.';
comment on column herald.user_sms_preferences.hourly_sms_count is 'The same for the clock hour of hourly_count_reset_at.';
comment on column herald.user_sms_preferences.hourly_count_reset_at is 'When the count of the hour last began anew.';

alter table herald.notification_event_types
    add column max_per_user_per_day integer
               constraint notification_event_types_max_per_user_check check (max_per_user_per_day >= 0),
    add column over_limit           text not null default 'defer'
               constraint notification_event_types_over_limit_check check (over_limit in ('defer', 'suppress'));
comment on column herald.notification_event_types.max_per_user_per_day is
    'Texts of this type that one user gets on one local day; NULL = no limit beside the user''s own.';
comment on column herald.notification_event_types.over_limit is
    'What happens to a text above any limit or cap: defer = it waits until the limit allows it, suppress = it is not sent.';

create table herald.sms_caps (
    prefix      text    not null primary key
                constraint sms_caps_prefix_check check (prefix ~ '^\+([1-9][0-9]{0,14})?$'),
    max_per_day integer not null constraint sms_caps_max_check check (max_per_day >= 0),
    day         date    not null default '-infinity',
    used        integer not null default 0 constraint sms_caps_used_check check (used >= 0)
) with (fillfactor = 50);
comment on table herald.sms_caps is
    'Most texts per day (UTC) to all numbers that start with a prefix. For a number the row + counts, which is everybody, and the longest other prefix that fits. No row = no cap, and nothing to lock.';
comment on column herald.sms_caps.prefix is '+ for everybody, or the beginning of an E.164 number, such as +44.';
comment on column herald.sms_caps.max_per_day is 'Texts per day; 0 = none are sent.';
comment on column herald.sms_caps.day is 'The day that used counts for.';
comment on column herald.sms_caps.used is 'Texts claimed on that day and not given back.';

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('quiet_hours_spread_seconds', 'integer', '900', 0, 14400,
     'Texts held back by quiet hours go out over this many seconds after their end, each user always at the same point; at most a quarter of the time that is open.'),
    ('minimum_validity_seconds', 'integer', '60', 5, 3600,
     'A text that has fewer seconds left before quiet hours begin waits for their end; at most a quarter of the time that is open.'),
    ('ageing_seconds', 'integer', '300', 1, 86400,
     'A text that has been due for longer than this gets a share of every claim, whatever its priority, so that low never starves.');
