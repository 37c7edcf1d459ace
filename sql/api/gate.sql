-- Who may be texted, when, and why not.

create function @extschema@.may_text(
    p_user_id uuid,
    p_at timestamptz default null,
    p_priority text default 'normal'
) returns table (decision text, reason text, until timestamptz)
language c stable security definer set search_path = pg_catalog, pg_temp set jit = off
as 'MODULE_PATHNAME', 'may_text_wrapper';
comment on function @extschema@.may_text(uuid, timestamptz, text) is
'Whether a user may be texted at a time, as for a text queued directly: one row. decision: go; defer, until then; suppress. reason: why not (NULL for go). p_at: NULL = now; the counts of the limits are those of now. p_priority: urgent, high, normal or low, NULL = normal. It reserves nothing.
Raises 22004 for a NULL user, 22023 for an unknown priority, 55000 before herald_install().';

create function @extschema@.explain_notification_event(
    event_type text,
    payload jsonb,
    target_user_id uuid default null,
    actor_user_id uuid default null,
    scheduled_for timestamptz default null,
    dedup_key text default null,
    priority text default null,
    expires_at timestamptz default null,
    as_of timestamptz default null
) returns table (
    user_id uuid,
    channel text,
    decision text,
    reason text,
    body text,
    encoding text,
    segments integer,
    send_at timestamptz
)
language c stable security definer set search_path = pg_catalog, pg_temp set jit = off
as 'MODULE_PATHNAME', 'explain_notification_event_wrapper';
comment on function @extschema@.explain_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz, timestamptz) is
'What emit_notification_event with these arguments would do at as_of (NULL = now); writes nothing. One row per recipient and channel; a target that is not subscribed has one, too. decision: go, defer or suppress, with the reason and, for go and defer, send_at; the limits are looked at as a claim at that time would, and nothing is reserved. body, encoding, segments: the text.
An event that would not reach the gate gives one row without user: quarantine (reason: its problems), error (what emit would raise, of a strict type or for a dedup_key with another payload) or duplicate (dedup_key).
Raises 22004 if event_type is NULL, 55000 before herald_install().';
