-- What the installation knows before anybody emits: its version, its settings, its event types and its texts.

create table herald.schema_version (
    version           integer     not null primary key check (version > 0),
    name              text        not null,
    extension_version text        not null,
    applied_at        timestamptz not null default pg_catalog.now()
);
comment on table herald.schema_version is
    'One row per applied migration of the tables; the highest version is the schema''s. Written by herald_install() only.';
comment on column herald.schema_version.version is 'Number of the migration, ascending without gaps.';
comment on column herald.schema_version.name is 'Name of the migration.';
comment on column herald.schema_version.extension_version is 'Version of the extension''s library that applied it.';
comment on column herald.schema_version.applied_at is 'When it was applied.';

create table herald.settings (
    name        text  not null primary key,
    kind        text  not null constraint settings_kind_check check (kind in ('integer', 'text', 'text_list', 'secret')),
    value       jsonb not null,
    minimum     numeric,
    maximum     numeric,
    description text  not null,
    constraint settings_value_check check (
        case kind
            when 'integer' then jsonb_typeof(value) = 'number'
                and (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric)
                and (value #>> '{}')::numeric between coalesce(minimum, '-Infinity') and coalesce(maximum, 'Infinity')
            when 'text_list' then jsonb_typeof(value) = 'array'
                and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
            else jsonb_typeof(value) = 'string'
        end
    )
);
comment on table herald.settings is
    'Named settings; change them with herald_set_setting(name, value), which explains what is wrong with a bad value.';
comment on column herald.settings.name is 'Name of the setting.';
comment on column herald.settings.kind is 'integer, text, text_list (JSON array of strings) or secret (text that no function shows).';
comment on column herald.settings.value is 'The value as JSON, checked against kind, minimum and maximum.';
comment on column herald.settings.minimum is 'Smallest allowed number of an integer setting, or NULL.';
comment on column herald.settings.maximum is 'Largest allowed number of an integer setting, or NULL.';
comment on column herald.settings.description is 'What it does and in which unit.';

create table herald.sms_templates (
    id               uuid         not null default gen_random_uuid() primary key,
    template_key     varchar(100) not null
                     constraint sms_templates_key_check check (template_key ~ '^[a-z0-9_]+$'),
    locale           text         not null default 'en'
                     constraint sms_templates_locale_check check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
    version          integer      not null default 1
                     constraint sms_templates_version_check check (version > 0),
    name             varchar(255) not null,
    description      text,
    message_template text         not null
                     constraint sms_templates_text_check check (message_template ~ '\S'),
    template_vars    jsonb        not null default '{}',
    required_vars    jsonb        not null default '[]'
                     constraint sms_templates_required_vars_check check (jsonb_typeof(required_vars) = 'array'),
    max_length       integer      not null default 160
                     constraint sms_templates_max_length_check check (max_length between 1 and 1600),
    is_active        boolean      not null default true,
    is_builtin       boolean      not null default false,
    usage_count      bigint       not null default 0,
    last_used_at     timestamptz,
    created_by       uuid,
    created_at       timestamptz  not null default pg_catalog.now(),
    updated_at       timestamptz  not null default pg_catalog.now(),
    constraint sms_templates_version_key unique (template_key, locale, version)
);
comment on table herald.sms_templates is
    'The texts. A row is one version of one template in one language; it never changes and is never deleted: an edit is a row with the next version. The highest active version is used.';
comment on column herald.sms_templates.id is 'Identity of this version; messages point at it.';
comment on column herald.sms_templates.template_key is 'Name of the template.';
comment on column herald.sms_templates.locale is 'Language tag, such as en or pt-BR.';
comment on column herald.sms_templates.version is 'Ascending number of the edit.';
comment on column herald.sms_templates.name is 'Name for people.';
comment on column herald.sms_templates.description is 'What it is for.';
comment on column herald.sms_templates.message_template is 'The text, with {{name}}, {{path.to.value}} and {{name|default}} filled from the payload.';
comment on column herald.sms_templates.template_vars is 'Description of the variables: name to explanation.';
comment on column herald.sms_templates.required_vars is 'JSON array of variables that must be in the payload, beside those the text names without a default.';
comment on column herald.sms_templates.max_length is 'Longest text in characters that this template is meant to give.';
comment on column herald.sms_templates.is_active is 'False takes this version out of use.';
comment on column herald.sms_templates.is_builtin is 'True for the rows that herald_install() made.';
comment on column herald.sms_templates.usage_count is 'How many messages were made from it, as far as counted.';
comment on column herald.sms_templates.last_used_at is 'When it was last used, as far as noted.';
comment on column herald.sms_templates.created_by is 'User who wrote it, or NULL.';
comment on column herald.sms_templates.created_at is 'When the row was made.';
comment on column herald.sms_templates.updated_at is 'When the row was last changed.';

create function herald.guard_template_text() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'version % of template "%" cannot be deleted', old.version, old.template_key
            using errcode = '55000',
                  detail = 'Messages that were sent point at this version.',
                  hint = 'Set is_active = false instead.';
    end if;
    if (new.template_key, new.locale, new.version, new.message_template, new.required_vars, new.is_builtin)
        is distinct from (old.template_key, old.locale, old.version, old.message_template, old.required_vars, old.is_builtin)
    then
        raise exception 'the text of template "%" version % cannot be changed', old.template_key, old.version
            using errcode = '55000',
                  detail = 'Messages that were sent point at this version.',
                  hint = 'Insert the new text as a row with the next version number.';
    end if;
    return new;
end
$$;
comment on function herald.guard_template_text() is
    'Trigger function: keeps a template version and its text as they are, raises 55000 otherwise.';
revoke execute on function herald.guard_template_text() from public;

create trigger guard_template_text before update or delete on herald.sms_templates
    for each row execute function herald.guard_template_text();
comment on trigger guard_template_text on herald.sms_templates is 'A template version''s text is immutable.';

create table herald.notification_event_types (
    event_type       text        not null primary key
                     constraint notification_event_types_name_check
                     check (event_type ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$' and length(event_type) <= 200),
    description      text        not null default '',
    template_key     varchar(100),
    default_channels text[]      not null default '{sms}'
                     constraint notification_event_types_channels_check
                     check (default_channels <@ '{sms,email,push,in_app}' and cardinality(default_channels) > 0
                            and cardinality(default_channels) -- each once
                                = ('sms' = any (default_channels))::integer + ('email' = any (default_channels))::integer
                                  + ('push' = any (default_channels))::integer + ('in_app' = any (default_channels))::integer),
    default_priority text        not null default 'normal'
                     constraint notification_event_types_priority_check
                     check (default_priority in ('urgent', 'high', 'normal', 'low')),
    admin_only       boolean     not null default false,
    is_active        boolean     not null default true,
    strict           boolean     not null default false,
    expires_after    interval
                     constraint notification_event_types_expires_after_check check (expires_after > interval '0'),
    created_at       timestamptz not null default pg_catalog.now(),
    updated_at       timestamptz not null default pg_catalog.now()
);
comment on table herald.notification_event_types is
    'The registry: every event type that may be emitted, its text and its defaults. Rows are the application''s to add and change.';
comment on column herald.notification_event_types.event_type is 'Name, such as task.due_soon: lower-case segments joined by dots.';
comment on column herald.notification_event_types.description is 'What it means, for people.';
comment on column herald.notification_event_types.template_key is 'Template of the text; NULL takes the text from the payload''s key "message".';
comment on column herald.notification_event_types.default_channels is 'Channels a subscriber is notified on. Only sms has an adapter; the others are recorded as suppressed (no_adapter).';
comment on column herald.notification_event_types.default_priority is 'Priority when emit names none: urgent, high, normal or low.';
comment on column herald.notification_event_types.admin_only is 'True: only recipients with is_admin in herald.recipients are notified.';
comment on column herald.notification_event_types.is_active is 'False: events are recorded, and every delivery is suppressed (event_type_inactive).';
comment on column herald.notification_event_types.strict is 'True: bad input to emit raises an error instead of quarantining the event.';
comment on column herald.notification_event_types.expires_after is 'A text that could not go out this long after its due time is not sent any more; NULL = never expires.';
comment on column herald.notification_event_types.created_at is 'When the row was made.';
comment on column herald.notification_event_types.updated_at is 'When the row was last changed by its owner.';

create table herald.twilio_error_codes (
    code               integer not null primary key,
    surface            text    not null,
    meaning            text    not null,
    category           text    not null,
    permanence         text    not null
                       constraint twilio_error_codes_permanence_check
                       check (permanence in ('permanent', 'temporary', 'ambiguous', 'not_applicable')),
    retry              text    not null
                       constraint twilio_error_codes_retry_check
                       check (retry in ('never', 'once', 'backoff', 'daily_reset', 'quiet_hours_end', 'stop', 'reconcile', 'not_applicable')),
    base_delay_seconds integer not null constraint twilio_error_codes_base_delay_check check (base_delay_seconds >= 0),
    max_delay_seconds  integer not null constraint twilio_error_codes_max_delay_check check (max_delay_seconds >= base_delay_seconds),
    max_attempts       integer constraint twilio_error_codes_max_attempts_check check (max_attempts > 0),
    counts_attempt     boolean not null,
    scope              text    not null
                       constraint twilio_error_codes_scope_check
                       check (scope in ('message', 'number', 'country', 'sender', 'account')),
    severity           text    not null
                       constraint twilio_error_codes_severity_check check (severity in ('low', 'medium', 'high', 'critical')),
    action             text    not null
                       constraint twilio_error_codes_action_check
                       check (action in ('none', 'opt_out', 'mark_number', 'pause_scope', 'reconcile')),
    advice             text    not null default '',
    is_edited          boolean not null default false
);
comment on table herald.twilio_error_codes is
    'What each Twilio error code means to us, as data: exact codes, never ranges. Set is_edited when you change a row, and later versions leave it alone.';
comment on column herald.twilio_error_codes.code is 'Twilio''s error code (https://www.twilio.com/docs/api/errors).';
comment on column herald.twilio_error_codes.surface is 'Where it appears: S in the answer to a request, A later in a callback, D in Twilio''s debugger only, V Verify, L Lookup.';
comment on column herald.twilio_error_codes.meaning is 'What it says.';
comment on column herald.twilio_error_codes.category is 'Group for reports, such as invalid_number or rate_limit.';
comment on column herald.twilio_error_codes.permanence is 'Whether the same request may succeed later.';
comment on column herald.twilio_error_codes.retry is 'When to try again; stop = the scope is out of order: wait without counting attempts.';
comment on column herald.twilio_error_codes.base_delay_seconds is 'Delay before the first retry, in seconds; doubled per attempt.';
comment on column herald.twilio_error_codes.max_delay_seconds is 'Longest delay between retries, in seconds.';
comment on column herald.twilio_error_codes.max_attempts is 'Further attempts after this code; NULL = the message''s own limit.';
comment on column herald.twilio_error_codes.counts_attempt is 'False: a refusal with this code does not use up an attempt.';
comment on column herald.twilio_error_codes.scope is 'What is out of order: this message, the number, its country, our sender or the account.';
comment on column herald.twilio_error_codes.severity is 'How loudly to complain.';
comment on column herald.twilio_error_codes.action is 'What we do beside retrying.';
comment on column herald.twilio_error_codes.advice is 'What an operator should do.';
comment on column herald.twilio_error_codes.is_edited is 'True: the row is the owner''s and herald_install() does not update it.';
