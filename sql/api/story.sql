-- What happened, told.

create function @extschema@.why(p_event_id uuid, p_user_id uuid default null)
returns table (at timestamptz, user_id uuid, channel text, step text, detail text)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'why_wrapper';
comment on function @extschema@.why(uuid, uuid) is
'The story of an event, oldest first: emitted, decided, claimed, asked, answered, called back, and where it stands now. p_user_id: one recipient, NULL = all; a user without a delivery gets the reason. Numbers are masked and texts are not shown. Raises 22004 for a NULL p_event_id, P0002 for an unknown event, 55000 before herald_install().';
