-- What the tables and statements of pg_herald call themselves. Those that look nothing up have no search_path of their own:
-- setting it takes longer than they do.

create function @extschema@.herald_uuid_v7() returns uuid
language c volatile parallel safe
as 'MODULE_PATHNAME', 'herald_uuid_v7_wrapper';
comment on function @extschema@.herald_uuid_v7() is 'A new UUIDv7: ids in order of time.';

create function @extschema@.herald_retry_delay(
    base_seconds integer, max_seconds integer, attempt integer, jitter double precision
) returns double precision
language c immutable parallel safe
as 'MODULE_PATHNAME', 'herald_retry_delay_wrapper';
comment on function @extschema@.herald_retry_delay(integer, integer, integer, double precision) is
'Seconds to wait after attempt number attempt (from 1): from base_seconds, doubled per attempt, up to max_seconds; jitter (0 to 1) picks the point between the two ends. Raises 22004 for NULL.';

create function @extschema@.herald_wake() returns trigger
language c volatile
as 'MODULE_PATHNAME', 'herald_wake_wrapper';
comment on function @extschema@.herald_wake() is
'Trigger function of herald.queue_jobs: at commit, tells the daemons that something is due. pg_herald.notify = auto tells once for many concurrent commits, always tells every time.';

create function @extschema@.herald_registry_changed() returns trigger
language c volatile
as 'MODULE_PATHNAME', 'herald_registry_changed_wrapper';
comment on function @extschema@.herald_registry_changed() is
'Trigger function of herald.notification_event_types, herald.sms_templates and herald.settings: with the commit of a change all backends forget what they remember of these tables.';

create function @extschema@.herald_open_at(
    due timestamptz, quiet_start time, quiet_end time, zone text,
    minimum_seconds integer, spread_seconds integer, user_id uuid
) returns timestamptz
language c stable strict parallel safe
as 'MODULE_PATHNAME', 'herald_open_at_wrapper';
comment on function @extschema@.herald_open_at(timestamptz, time, time, text, integer, integer, uuid) is
'When a text that is due may go: then, or after the quiet hours of the IANA zone, at the user''s own point of a spread of so many seconds. Fewer seconds than the minimum before quiet hours are too few. Both are at most a quarter of the time that is open. Equal start and end: at once. infinity: there is no such zone. NULL if an argument is.';

create function @extschema@.herald_gate(
    event_cancelled boolean, type_active boolean, is_subscribed boolean, is_subscription_active boolean, is_filter_met boolean,
    in_audience boolean, channel text, channel_enabled boolean, phone_number text, phone_verified boolean, phone_invalid boolean,
    opted_out boolean, prefixes text[], due_at timestamptz, expires_at timestamptz, open_at timestamptz
) returns text
language c immutable parallel safe
as 'MODULE_PATHNAME', 'herald_gate_wrapper';
comment on function @extschema@.herald_gate(boolean, boolean, boolean, boolean, boolean, boolean, text, boolean, text, boolean, boolean, boolean, text[], timestamptz, timestamptz, timestamptz) is
'May a text go, as far as these facts say? NULL: yes, from open_at on; otherwise the first reason why not. open_at: from when on quiet hours let it go; NULL or infinity: that cannot be known. prefixes: of the countries that may be texted. NULL for another fact counts as what lets nothing through; expires_at NULL: never. Raises 22004 for a NULL channel or due_at.';

create function @extschema@.herald_closes_at(at timestamptz, quiet_start time, quiet_end time, zone text) returns timestamptz
language c stable strict parallel safe
as 'MODULE_PATHNAME', 'herald_closes_at_wrapper';
comment on function @extschema@.herald_closes_at(timestamptz, time, time, text) is
'When the next quiet hours begin, from a time on; infinity if there are none or no such zone. NULL if an argument is.';

create function @extschema@.herald_day_start(at timestamptz, zone text, days integer) returns timestamptz
language c stable strict parallel safe
as 'MODULE_PATHNAME', 'herald_day_start_wrapper';
comment on function @extschema@.herald_day_start(timestamptz, text, integer) is
'When the local day of a time began, or the one so many days later. A zone that does not exist counts as UTC. NULL if an argument is.';
create function @extschema@.herald_retry_delay(
    category text, base_seconds integer, max_seconds integer, attempt integer, jitter double precision
) returns double precision
language c immutable parallel safe
as 'MODULE_PATHNAME', 'herald_rule_delay_wrapper';
comment on function @extschema@.herald_retry_delay(text, integer, integer, integer, double precision) is
'As herald_retry_delay(integer, integer, integer, double precision), for a rule of the error catalogue: where base_seconds or max_seconds is 0 the category''s usual delay stands. Raises 22004 for NULL.';

create function @extschema@.herald_error_rule(surface text, http_status integer, code integer) returns integer
language c immutable parallel safe
as 'MODULE_PATHNAME', 'herald_error_rule_wrapper';
comment on function @extschema@.herald_error_rule(text, integer, integer) is
'Which row of herald.twilio_error_codes an error is judged by: its code, or a negative number for a default. http_status and code may be NULL. Raises 22004 for a NULL surface, 22023 for an unknown one.';

create function @extschema@.herald_country_key(phone_number text) returns text
language c immutable parallel safe
as 'MODULE_PATHNAME', 'herald_country_key_wrapper';
comment on function @extschema@.herald_country_key(text) is
'The country a breaker pauses for this E.164 number: its calling code such as +44, or +1876 for islands that share +1. NULL for NULL.';
