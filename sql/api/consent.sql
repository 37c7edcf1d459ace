-- Who may be texted: opt-out, the evidence of it, and what people text us.

create function @extschema@.record_twilio_inbound(p_messages jsonb)
returns table (ordinal integer, result text, keyword text, cancelled integer, in_flight integer, reply text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'record_twilio_inbound_wrapper';
comment on function @extschema@.record_twilio_inbound(jsonb) is
'Stores signed texts that people sent us and does what their keywords mean, in their order. p_messages: array of {message_sid, from, to, body, messaging_service_sid, opt_out_type, done_by_twilio (STOP, START or HELP if Twilio has acted on it), may_reply, params}. STOP opts the number out and cancels what waits for it, in this transaction; START ends Twilio''s block, and our opt-out if the setting start_lifts_opt_out or a newer verification allows it.
Per array position from 1: result (stored, opted_out, unblocked, opted_in, start, help, or duplicate for a text that was stored before), keyword (STOP, START, HELP or NULL), cancelled (texts a STOP cancelled), in_flight (texts that were claimed before and could not be called back), reply (what to answer, NULL = nothing).
Raises 22004 for NULL, 22023 if it is not such an array, 55000 before herald_install().';

create function @extschema@.opt_out_user(p_user_id uuid, p_reason text default 'requested')
returns table (cancelled integer, in_flight integer)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'opt_out_user_wrapper';
comment on function @extschema@.opt_out_user(uuid, text) is
'Opts a user and their number out of texts and cancels what waits for them. p_reason: kept with the opt-out and in the consent ledger. cancelled: texts that will not be sent; in_flight: texts that a daemon had claimed before. The way back is to verify the number again. Raises 22004 for NULL, 22023 for an empty reason, 55000 before herald_install().';

create function @extschema@.get_sms_opt_out_status(p_user_id uuid)
returns table (
    opted_out boolean,
    opted_out_at timestamptz,
    opt_out_reason text,
    provider_blocked boolean,
    blocked_sender text,
    next_step text
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_sms_opt_out_status_wrapper';
comment on function @extschema@.get_sms_opt_out_status(uuid) is
'Whether a user has opted out, and the way back: one row, also for a user without preferences. provider_blocked: Twilio itself blocks the number, for blocked_sender if that is known. next_step: none, verify_phone, or text_start (only the person can end Twilio''s block, by texting START). Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.export_consent_evidence(p_user_id uuid default null, p_phone_number text default null)
returns table (
    place bigint,
    occurred_at timestamptz,
    user_id uuid,
    phone_number text,
    number_hash text,
    kind text,
    source text,
    wording text,
    message_sid text,
    erased_at timestamptz,
    digest text
)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'export_consent_evidence_wrapper';
comment on function @extschema@.export_consent_evidence(uuid, text) is
'The consent ledger of a user (with the whole history of their numbers), of a number (also after its erasure), or whole if both are NULL; oldest first. digest: SHA-256, in hex, over the digest of the row before (empty for the first), the time in UTC (YYYY-MM-DDTHH:MI:SS.ffffffZ), user_id, number_hash, kind, source and message_sid, each preceded by its length in bytes as 8 bytes (NULL: eight times ff). Whoever keeps the last digest can prove later that no row was changed. Raises 22023 for a number that is not E.164, 55000 before herald_install().';

create function @extschema@.erase_user(p_user_id uuid)
returns table (table_name text, action text, records bigint)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'erase_user_wrapper';
comment on function @extschema@.erase_user(uuid) is
'Takes a user''s number, texts, preferences and payloads out of every table and cancels what waits for them; says what was done per table. An opt-out outlives it as a keyed hash of the number. Texts on their way are erased when their outcome is known, by purge_expired_records(). Safe to repeat. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.purge_expired_records(p_limit integer default 1000)
returns table (kind text, records bigint)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'purge_expired_records_wrapper';
comment on function @extschema@.purge_expired_records(integer) is
'Deletes up to p_limit records of each kind whose time is over (settings retention_…_days), and goes over erasures that are not finished. kind: events, messages, callbacks, inbound, verifications, erasures. The daemon calls it; call it again while it says p_limit. Raises 22004 for NULL, 22023 for a limit outside 1 to 100000, 55000 before herald_install().';
