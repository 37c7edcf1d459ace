-- Templates: checked, and shown before they are used.

create function @extschema@.check_template(p_message_template text, p_required_vars jsonb default null) returns void
language c stable set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'check_template_wrapper';
comment on function @extschema@.check_template(text, jsonb) is
'Raises 22023 if a template''s text cannot be read, with the place of the mistake, or if p_required_vars (NULL = none) is no array of variable names. herald.sms_templates calls it for every new row. Raises 22004 for a NULL text.';

create function @extschema@.preview_template(p_template_key text, p_vars jsonb default '{}', p_locale text default null)
returns table (
    body text,
    encoding text,
    segments integer,
    characters integer,
    shortened_from integer,
    missing text[],
    locale text,
    version integer
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'preview_template_wrapper';
comment on function @extschema@.preview_template(text, jsonb, text) is
'The text that a template gives for a payload, as it would be sent: one row. p_locale: the recipient''s language, NULL = the default; locale and version say which text was used. A variable without a value stands as its placeholder and is named in missing: with it an event is quarantined. characters as Twilio counts (UTF-16 units); shortened_from: the length before it was made to fit max_length, NULL if it fitted.
Raises 22004 for a NULL key, P0002 for a key without an active text, 22023 for a text that is empty or too long, 55000 before herald_install().';
