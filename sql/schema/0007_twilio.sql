-- Twilio exactly: breakers, numbers that cannot be texted, callbacks that come before their message is known, edits of the
-- error catalogue that stay.

create table herald.breakers (
    id                uuid        not null default gen_random_uuid() primary key,
    scope             text        not null
                      constraint breakers_scope_check check (scope in ('account', 'sender', 'country')),
    key               text        not null,
    surface           text        not null
                      constraint breakers_surface_check check (surface in ('request', 'callback')),
    error_code        integer,
    reason            text        not null,
    severity          text        not null
                      constraint breakers_severity_check check (severity in ('low', 'medium', 'high', 'critical')),
    opened_at         timestamptz not null default pg_catalog.now(),
    attempt_at        timestamptz not null,
    failures          integer     not null default 1,
    pause_seconds     integer     not null constraint breakers_pause_check check (pause_seconds > 0),
    max_pause_seconds integer     not null constraint breakers_max_pause_check check (max_pause_seconds >= pause_seconds),
    resume_at         timestamptz not null,
    probed_at         timestamptz,
    closed_at         timestamptz,
    closed_by         text        constraint breakers_closed_by_check check (closed_by in ('probe', 'operator')),
    constraint breakers_closed_check check ((closed_at is null) = (closed_by is null))
);
create unique index breakers_open_key on herald.breakers (scope, key) where closed_at is null;
comment on index herald.breakers_open_key is 'A scope has at most one open breaker; also what every claim looks at.';
comment on table herald.breakers is
    'Scopes that are or were out of order: while a breaker is open, texts of its scope wait and keep their attempts. One text is tried when the pause is over.';
comment on column herald.breakers.id is 'Identity of the breaker.';
comment on column herald.breakers.scope is 'What is paused: account and sender pause everything, country the texts to that country.';
comment on column herald.breakers.key is 'Which one: the sender (Messaging Service or number), the country''s calling code such as +44; empty for the account.';
comment on column herald.breakers.surface is 'Where it showed: in the answer to a request or in a callback.';
comment on column herald.breakers.error_code is 'The latest error, as in herald.twilio_error_codes.';
comment on column herald.breakers.reason is 'What it says.';
comment on column herald.breakers.severity is 'How loudly to complain.';
comment on column herald.breakers.opened_at is 'When it opened.';
comment on column herald.breakers.attempt_at is 'When the latest failed attempt was claimed.';
comment on column herald.breakers.failures is 'How often it failed: the first time, and each try after a pause.';
comment on column herald.breakers.pause_seconds is 'The present pause; doubled each time a try fails.';
comment on column herald.breakers.max_pause_seconds is 'The longest pause.';
comment on column herald.breakers.resume_at is 'When one text is tried; if one was tried already and did not fail, when the breaker closes.';
comment on column herald.breakers.probed_at is 'When a text was last tried.';
comment on column herald.breakers.closed_at is 'When it closed; NULL = open.';
comment on column herald.breakers.closed_by is 'What closed it: probe (a text went through) or operator (resume_sending).';

create function herald.alert_breaker() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_notify('herald_alerts', json_build_object(
        'scope', new.scope, 'key', new.key, 'error_code', new.error_code, 'severity', new.severity,
        'reason', new.reason)::text);
    return null;
end
$$;
comment on function herald.alert_breaker() is
    'Trigger function: tells channel herald_alerts, as JSON, that a breaker has opened.';
revoke execute on function herald.alert_breaker() from public;
create trigger alert_breaker after insert on herald.breakers
    for each row execute function herald.alert_breaker();
comment on trigger alert_breaker on herald.breakers is 'One alert per breaker, when it opens.';

alter table herald.user_sms_preferences
    add column phone_invalid_reason text,
    add column phone_invalid_at     timestamptz;
comment on column herald.user_sms_preferences.phone_invalid_reason is
    'Why the number was marked as one that cannot be texted, such as twilio_21211; it then counts as not verified. NULL, or phone_verified: nothing is known against it.';
comment on column herald.user_sms_preferences.phone_invalid_at is 'When it was marked.';

create index twilio_callbacks_orphan_idx on herald.twilio_callbacks (message_sid) where result = 'orphan';
comment on index herald.twilio_callbacks_orphan_idx is 'Callbacks that wait for their message to become known.';

comment on column herald.sms_send_attempts.error_code is
    'Twilio''s error code: of the answer, or of the callback that reported the failure of an accepted text.';
comment on column herald.twilio_error_codes.code is
    'Twilio''s error code (https://www.twilio.com/docs/api/errors); negative: a default for what no other row speaks of.';
comment on column herald.twilio_error_codes.surface is
    'Where it appears: request (with the HTTP status), callback, inbound, debugger, verify, lookup.';
comment on column herald.twilio_error_codes.base_delay_seconds is
    'Delay before the first retry, in seconds, doubled per attempt; 0 = 300 for rate_limit, 180 for carrier_issue, else 60. First pause if the scope is paused.';
comment on column herald.twilio_error_codes.max_delay_seconds is
    'Longest delay between retries, in seconds; 0 = 3600. Longest pause if the scope is paused.';
comment on column herald.twilio_error_codes.is_edited is
    'True: the row is the owner''s and herald_install() does not update it. An update sets it; set it to false to get the library''s row back at the next herald_install().';

create function herald.mark_edited() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.is_edited = old.is_edited then
        new.is_edited := true;
    end if;
    return new;
end
$$;
comment on function herald.mark_edited() is
    'Trigger function: a row of the error catalogue that somebody changes is theirs from then on.';
revoke execute on function herald.mark_edited() from public;
create trigger mark_edited before update on herald.twilio_error_codes
    for each row execute function herald.mark_edited();
comment on trigger mark_edited on herald.twilio_error_codes is 'Keeps the owner''s changes through upgrades.';
