-- What the daemon calls: the sending protocol.

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
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan set enable_seqscan = off
as 'MODULE_PATHNAME', 'claim_sms_messages_wrapper';
comment on function @extschema@.claim_sms_messages(uuid, integer) is
'Takes up to p_limit due texts into one batch, most urgent first; the gate decides once more, and what may not go is suppressed with its reason. Commit before sending. No rows: nothing is due, or too much in a row was not allowed to go (herald_next_due tells). validity_seconds: Twilio''s ValidityPeriod, NULL = none. Raises 22004 for NULL, 22023 for a limit outside 1 to 10000, 55000 before herald_install().';

create function @extschema@.complete_sms_messages(p_worker uuid, p_results jsonb)
returns table (message_id uuid, attempt integer, applied boolean, status text)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan set enable_seqscan = off
as 'MODULE_PATHNAME', 'complete_sms_messages_wrapper';
comment on function @extschema@.complete_sms_messages(uuid, jsonb) is
'Writes the outcomes of requests. p_results: array of {batch_id, message_id, attempt, outcome (accepted, rejected, not_sent, unknown), sid, twilio_status, http_status, error_code, error_message, request_id, elapsed_ms, segments, retry_after_seconds, reason}. What happens next follows the error catalogue. applied = false: the lease was lost and nothing was written. Raises 22004 for NULL, 22023 if p_results is not such an array, 55000 before herald_install().';

create function @extschema@.extend_dispatch_leases(p_worker uuid, p_batch_ids uuid[]) returns setof uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'extend_dispatch_leases_wrapper';
comment on function @extschema@.extend_dispatch_leases(uuid, uuid[]) is
'Renews the leases of batches; returns those the worker still holds. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.expire_dispatch_leases() returns integer
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'expire_dispatch_leases_wrapper';
comment on function @extschema@.expire_dispatch_leases() is
'Ends the batches whose lease is over: their messages without a result become unknown. Returns how many did. Raises 55000 before herald_install().';

create function @extschema@.fan_out_notification_events(p_limit integer default 1)
returns table (event_id uuid, deliveries integer, done boolean)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off
as 'MODULE_PATHNAME', 'fan_out_notification_events_wrapper';
comment on function @extschema@.fan_out_notification_events(integer) is
'Writes the next chunk of deliveries of up to p_limit events whose recipients were too many for emit. No rows: nothing waits. Raises 22004 for NULL, 22023 for a limit outside 1 to 1000, 55000 before herald_install().';

create function @extschema@.record_twilio_callbacks(p_callbacks jsonb)
returns table (ordinal integer, result text)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan set enable_seqscan = off
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
'Texts that are due or waiting per priority (counted up to 10,000, more are estimated), in flight, and unknown, with the age of the oldest in seconds. Raises 55000 before herald_install().';
