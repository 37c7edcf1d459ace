-- What applications call: emit, queue one text, cancel, and what a user's channel looks like.

-- The name of a type in the origin's signature. It has no check of its own: the function says what is wrong, with a hint.
create domain @extschema@.sms_priority as text;
comment on domain @extschema@.sms_priority is 'Priority of a text: urgent, high, normal or low.';

create function @extschema@.emit_notification_event(
    p_event_type text,
    p_event_source text default 'api_action',
    p_actor_user_id uuid default null,
    p_target_user_id uuid default null,
    p_payload jsonb default '{}',
    p_metadata jsonb default '{}',
    p_scheduled_for timestamptz default null
) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'emit_origin_wrapper';
comment on function @extschema@.emit_notification_event(text, text, uuid, uuid, jsonb, jsonb, timestamptz) is
'Records an event and everything that follows from it, in the caller''s transaction; returns the event''s id.
p_event_type: a registered type. p_event_source: database_trigger, worker_job, api_action or cron_scheduler; anything else counts as api_action and is noted. p_target_user_id: the one recipient, NULL = every subscriber. p_payload: the facts the text is made from. p_metadata: the caller''s notes. p_scheduled_for: not before this time, NULL = now. NULL stands for the default everywhere but in p_event_type.
Bad input (unknown type, missing variable, broken correlation id) does not raise: the event is kept, quarantined, with its problems. Types marked strict raise 22023 instead.
Raises 22004 if p_event_type is NULL, 55000 before herald_install().';

create function @extschema@.emit_notification_event(
    event_type text,
    payload jsonb,
    target_user_id uuid default null,
    actor_user_id uuid default null,
    scheduled_for timestamptz default null,
    dedup_key text default null,
    priority text default null,
    expires_at timestamptz default null
) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'emit_wrapper';
comment on function @extschema@.emit_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz) is
'Records an event and everything that follows from it, in the caller''s transaction; returns the event''s id.
payload: the facts the text is made from, NULL = {}. target_user_id: the one recipient, NULL = every subscriber. scheduled_for: not before this time, NULL = now. dedup_key: the same key for the same type and target returns the first event''s id, for ever. priority: urgent, high, normal, low, NULL = the type''s. expires_at: not after this time, NULL = the type''s rule.
Bad input (unknown type, unknown priority, missing variable, broken correlation id) does not raise: the event is kept, quarantined, with its problems. Types marked strict raise 22023 instead.
Raises 22004 if event_type is NULL, 23505 if dedup_key was used with another payload, 55000 before herald_install().';

create function @extschema@.queue_sms_message(
    p_user_id uuid,
    p_phone_number text,
    p_message text,
    p_priority @extschema@.sms_priority default 'normal',
    p_scheduled_for timestamptz default null,
    p_metadata jsonb default '{}'
) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'queue_sms_message_wrapper';
comment on function @extschema@.queue_sms_message(uuid, text, text, @extschema@.sms_priority, timestamptz, jsonb) is
'Queues one text outside of any event; returns the message''s id.
p_phone_number: E.164; must be the user''s verified number unless the caller has the admin role. p_message: 1 to 1600 characters. p_scheduled_for: any time ahead, NULL or past = now. p_metadata: the caller''s notes. NULL priority = normal, NULL metadata = {}.
Raises 22004 for a NULL user, number or text; 22023 for a number that is not E.164, a text that is empty or too long, or an unknown priority; 42501 for a number that is not the user''s verified one; 55000 if the number has opted out, or before herald_install().';

create function @extschema@.get_user_sms_channel_info(p_user_id uuid)
returns table (
    has_sms_available boolean,
    phone_number text,
    phone_verified boolean,
    phone_verified_at timestamptz,
    opted_out boolean
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_user_sms_channel_info_wrapper';
comment on function @extschema@.get_user_sms_channel_info(uuid) is
'Whether and where a user can be texted: one row, also for a user without preferences. has_sms_available: there is a number, verified and not opted out. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.cancel_sms_message(p_message_id uuid)
returns table (cancelled integer, too_late integer)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'cancel_sms_message_wrapper';
comment on function @extschema@.cancel_sms_message(uuid) is
'Cancels a text that still waits. cancelled = 1: it will not be sent. too_late = 1: a daemon had already claimed it, or it is over. Both 0: it was cancelled before. Raises 22004 for NULL, P0002 for an unknown id, 55000 before herald_install().';

create function @extschema@.cancel_notification_event(p_event_id uuid)
returns table (cancelled integer, too_late integer)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'cancel_notification_event_wrapper';
comment on function @extschema@.cancel_notification_event(uuid) is
'Cancels what still waits of an event: cancelled texts will not be sent, too_late ones were already claimed or are over. A fan-out that is not finished ends. Raises 22004 for NULL, P0002 for an unknown id, 55000 before herald_install().';
