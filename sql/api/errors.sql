-- What goes wrong at Twilio: the rule for an error, and the breakers that pause what is out of order.

create function @extschema@.classify_twilio_error(
    p_code integer, p_surface text default 'callback', p_http_status integer default null
) returns table (
    rule integer,
    is_default boolean,
    category text,
    permanence text,
    retry text,
    base_delay_seconds integer,
    max_delay_seconds integer,
    max_attempts integer,
    counts_attempt boolean,
    scope text,
    severity text,
    action text,
    meaning text,
    advice text
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'classify_twilio_error_wrapper';
comment on function @extschema@.classify_twilio_error(integer, text, integer) is
'What an error asks for: the row of herald.twilio_error_codes for the code, or the default (is_default) that fits surface, HTTP status and family of a code that is not there. p_code NULL: an error without a code. p_surface: request, callback, verify or lookup. p_http_status NULL: not known. Raises 22004 for a NULL surface, 22023 for an unknown one, 55000 before herald_install().';

create function @extschema@.herald_breakers()
returns table (
    id uuid,
    scope text,
    key text,
    error_code integer,
    reason text,
    severity text,
    advice text,
    opened_at timestamptz,
    resume_at timestamptz,
    failures integer
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_breakers_wrapper';
comment on function @extschema@.herald_breakers() is
'What is paused now: account or sender (all texts), country (the texts to it); at resume_at one text is tried. No rows: nothing is out of order. Raises 55000 before herald_install().';

create function @extschema@.resume_sending(p_scope text, p_key text default null) returns integer
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'resume_sending_wrapper';
comment on function @extschema@.resume_sending(text, text) is
'Closes the open breakers of a scope by hand, once their cause is mended, and makes what waits because of them due. p_scope: account, sender or country; p_key: which one (see herald_breakers()), NULL = all of the scope. Returns how many were closed. Raises 22004 for a NULL scope, 22023 for an unknown one, 55000 before herald_install().';
