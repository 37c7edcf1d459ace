-- The functions of pg_herald: declarations here, bodies in the library. The tables are made by herald_install().
-- Every function is CALLED ON NULL INPUT and says what it does with NULL; EXECUTE is taken from PUBLIC at the end.

-- The name of a type in the origin's signature. It has no check of its own: the function says what is wrong, with a hint.
create domain @extschema@.sms_priority as text;
comment on domain @extschema@.sms_priority is 'Priority of a text: urgent, high, normal or low.';

-- Application ---------------------------------------------------------------------------------------------------------

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

-- Administration --------------------------------------------------------------------------------------------------------

create function @extschema@.herald_install() returns integer
language c volatile set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_install_wrapper';
comment on function @extschema@.herald_install() is
'Makes the tables in schema herald, or brings them up to this version; returns the schema version. Safe to repeat. The tables are ordinary ones: they are dumped, and DROP EXTENSION leaves them.
Raises 42501 if schema herald belongs to another role, 55000 if it is newer than this library.';

create function @extschema@.herald_grant(what text, grantee regrole) returns void
language c volatile set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_grant_wrapper';
comment on function @extschema@.herald_grant(text, regrole) is
'Gives a role what it needs. what: app (emit, queue for verified numbers, cancel, channel info), dispatcher (the daemon; no tables), admin (everything of app, any number, tables), auditor (read all tables but settings).
Raises 22004 for NULL, 22023 for an unknown word, 55000 before herald_install().';

create function @extschema@.herald_set_setting(name text, value jsonb) returns void
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_set_setting_wrapper';
comment on function @extschema@.herald_set_setting(text, jsonb) is
'Changes a setting (table herald.settings says which there are). Raises 22004 for NULL, 22023 for an unknown name or a value of the wrong kind or out of range, 55000 before herald_install().';

create function @extschema@.herald_admin() returns boolean
language c immutable set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_admin_wrapper';
comment on function @extschema@.herald_admin() is
'Always true. A role that may execute it is an administrator of pg_herald: herald_grant(''admin'', role).';

create function @extschema@.release_notification_event(p_event_id uuid) returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_notification_event_wrapper';
comment on function @extschema@.release_notification_event(uuid) is
'Tries a quarantined event again after its cause was mended. True: it was right this time and is on its way. False: it stays in quarantine, with its problems noted anew. Raises 22004 for NULL, P0002 for an id that is not in quarantine, 55000 before herald_install().';

create function @extschema@.update_sms_status_atomic(
    p_message_id uuid,
    p_twilio_sid text,
    p_twilio_status text,
    p_mapped_status text,
    p_error_code integer default null,
    p_error_message text default null
) returns table (
    notification_delivery_id uuid,
    user_id uuid,
    sent_at timestamptz,
    delivered_at timestamptz,
    attempt_count integer,
    max_attempts integer,
    priority text,
    updated_sms boolean,
    updated_delivery boolean
)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'update_sms_status_atomic_wrapper';
comment on function @extschema@.update_sms_status_atomic(uuid, text, text, text, integer, text) is
'Applies one status to a message and its delivery, forward only, and stores it with the callbacks. p_mapped_status: our status, NULL = as Twilio''s word means; with a SID Twilio has the text, so anything before sending counts as sending. A missing SID is adopted. No row comes back for an unknown message or another SID; updated_sms is false for a status that was not ahead. p_error_message is stored with the callback; the message gets the catalogue''s words.
Raises 22004 for a NULL message, SID or status, 22023 for an unknown p_mapped_status, 55000 before herald_install().';

-- The daemon's ----------------------------------------------------------------------------------------------------------

create function @extschema@.herald_dispatcher_hello(p_worker uuid, p_version text)
returns table (
    schema_version integer,
    extension_version text,
    callback_key text,
    lease_seconds integer,
    server_time timestamptz,
    in_recovery boolean
)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_dispatcher_hello_wrapper';
comment on function @extschema@.herald_dispatcher_hello(uuid, text) is
'What a daemon must know before it starts; callback_key is the base64 key of the MAC in callback URLs. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.claim_sms_messages(p_worker uuid, p_limit integer)
returns table (
    batch_id uuid,
    message_id uuid,
    attempt integer,
    to_number text,
    body text,
    priority text,
    validity_seconds integer,
    lease_until timestamptz
)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'claim_sms_messages_wrapper';
comment on function @extschema@.claim_sms_messages(uuid, integer) is
'Takes up to p_limit due texts into one batch, most urgent first; the gate decides once more, and what may not go is suppressed with its reason. Commit before sending. No rows: nothing is due. validity_seconds: Twilio''s ValidityPeriod, NULL = none. Raises 22004 for NULL, 22023 for a limit outside 1 to 10000, 55000 before herald_install().';

create function @extschema@.complete_sms_messages(p_worker uuid, p_results jsonb)
returns table (message_id uuid, attempt integer, applied boolean, status text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'complete_sms_messages_wrapper';
comment on function @extschema@.complete_sms_messages(uuid, jsonb) is
'Writes the outcomes of requests. p_results: array of {batch_id, message_id, attempt, outcome (accepted, rejected, not_sent, unknown), sid, twilio_status, http_status, error_code, error_message, request_id, elapsed_ms, segments, retry_after_seconds, reason}. What happens next follows the error catalogue. applied = false: the lease was lost and nothing was written. Raises 22004 for NULL, 22023 if p_results is not such an array, 55000 before herald_install().';

create function @extschema@.extend_dispatch_leases(p_worker uuid, p_batch_ids uuid[]) returns setof uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'extend_dispatch_leases_wrapper';
comment on function @extschema@.extend_dispatch_leases(uuid, uuid[]) is
'Renews the leases of batches; returns those the worker still holds. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.expire_dispatch_leases() returns integer
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'expire_dispatch_leases_wrapper';
comment on function @extschema@.expire_dispatch_leases() is
'Ends the batches whose lease is over: their messages without a result become unknown. Returns how many did. Raises 55000 before herald_install().';

create function @extschema@.fan_out_notification_events(p_limit integer default 1)
returns table (event_id uuid, deliveries integer, done boolean)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'fan_out_notification_events_wrapper';
comment on function @extschema@.fan_out_notification_events(integer) is
'Writes the next chunk of deliveries of up to p_limit events whose recipients were too many for emit. No rows: nothing waits. Raises 22004 for NULL, 22023 for a limit outside 1 to 1000, 55000 before herald_install().';

create function @extschema@.record_twilio_callbacks(p_callbacks jsonb)
returns table (ordinal integer, result text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'record_twilio_callbacks_wrapper';
comment on function @extschema@.record_twilio_callbacks(jsonb) is
'Stores signed status callbacks and applies them, forward only. p_callbacks: array of {message_id, attempt, sid, status, error_code, params, idempotency_token}. result per array position from 1: applied, stale, duplicate, orphan, conflict, ignored. Raises 22004 for NULL, 22023 if it is not such an array, 55000 before herald_install().';

create function @extschema@.herald_next_due() returns timestamptz
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_next_due_wrapper';
comment on function @extschema@.herald_next_due() is
'When there is something to do next, NULL = nothing waits. Raises 55000 before herald_install().';

create function @extschema@.herald_queue_stats()
returns table (state text, priority text, messages bigint, oldest_age_seconds double precision)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_queue_stats_wrapper';
comment on function @extschema@.herald_queue_stats() is
'Texts that are due or waiting per priority, in flight, and unknown, with the age of the oldest in seconds. Raises 55000 before herald_install().';

-- Internal --------------------------------------------------------------------------------------------------------------

create function @extschema@.herald_uuid_v7() returns uuid
language c volatile parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_uuid_v7_wrapper';
comment on function @extschema@.herald_uuid_v7() is 'A new UUIDv7: ids in order of time.';

create function @extschema@.herald_retry_delay(
    base_seconds integer, max_seconds integer, attempt integer, jitter double precision
) returns double precision
language c immutable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_retry_delay_wrapper';
comment on function @extschema@.herald_retry_delay(integer, integer, integer, double precision) is
'Seconds to wait after attempt number attempt (from 1): from base_seconds, doubled per attempt, up to max_seconds; jitter (0 to 1) picks the point between the two ends. Raises 22004 for NULL.';

create function @extschema@.herald_wake() returns trigger
language c volatile set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_wake_wrapper';
comment on function @extschema@.herald_wake() is
'Trigger function of herald.queue_jobs: at commit, tells the daemons that something is due. pg_herald.notify = auto tells once for many concurrent commits, always tells every time.';

-- Nobody may call anything that was not granted: herald_grant() gives.
do $$
declare
    member regprocedure;
begin
    for member in
        select d.objid::pg_catalog.regprocedure
        from pg_catalog.pg_depend d
        join pg_catalog.pg_extension e on e.oid operator(pg_catalog.=) d.refobjid
        where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
          and e.extname operator(pg_catalog.=) 'pg_herald'
          and d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
          and d.deptype operator(pg_catalog.=) 'e'
    loop
        execute pg_catalog.format('revoke execute on function %s from public', member);
    end loop;
end
$$;
