-- The rest of the sending protocol: what is in doubt, what is silent, and what an operator decides by hand.

create function @extschema@.claim_unknown_sms_messages(p_limit integer)
returns table (
    claim_id uuid,
    message_id uuid,
    attempt integer,
    to_number text,
    body text,
    accepted_from timestamptz,
    accepted_until timestamptz,
    refused_before integer,
    settle boolean
)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'claim_unknown_sms_messages_wrapper';
comment on function @extschema@.claim_unknown_sms_messages(integer) is
'Takes attempts whose outcome nobody knows and whose wait is over, to be looked for in Twilio''s list: p_limit of them, and all others to the same numbers that can be decided. accepted_from, accepted_until: when Twilio can have accepted it. refused_before: earlier attempts of the same message that Twilio refused in that time, and lists. settle = false: also on its way to the number, but not to be decided now; what Twilio has may be that one''s. No rows: nothing is due. Another daemon gets them after 2 minutes. Raises 22004 for NULL, 22023 for a limit outside 1 to 1000, 55000 before herald_install().';

create function @extschema@.herald_owned_sids(p_sids text[]) returns setof text
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_owned_sids_wrapper';
comment on function @extschema@.herald_owned_sids(text[]) is
'Those of the SIDs that belong to a message. NULL elements are left out. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.complete_unknown_sms_messages(p_results jsonb)
returns table (message_id uuid, attempt integer, outcome text)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'complete_unknown_sms_messages_wrapper';
comment on function @extschema@.complete_unknown_sms_messages(jsonb) is
'Writes what a look into Twilio''s list found. p_results: array of {claim_id, message_id, attempt, verdict, sid, status, error_code}. verdict: found (adopted as a callback would be), absent (the second time, listing_gap_seconds apart, it was not sent and goes by its event type''s policy), ambiguous and failed (looked for again). outcome: of the attempt now, or of a found one applied, stale, duplicate, conflict. No row for what is settled already or was claimed by another. Raises 22004 for NULL, 22023 if it is not such an array, 23505 if two messages were given one SID, 55000 before herald_install().';

create function @extschema@.claim_stale_sms_messages(p_limit integer)
returns table (message_id uuid, attempt integer, sid text)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'claim_stale_sms_messages_wrapper';
comment on function @extschema@.claim_stale_sms_messages(integer) is
'Takes up to p_limit accepted texts of which nothing final was heard in time, so that Twilio is asked about them. No rows: nothing is due. Another daemon gets them after 5 minutes. Raises 22004 for NULL, 22023 for a limit outside 1 to 1000, 55000 before herald_install().';

create function @extschema@.complete_stale_sms_messages(p_results jsonb) returns integer
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'complete_stale_sms_messages_wrapper';
comment on function @extschema@.complete_stale_sms_messages(jsonb) is
'Writes what Twilio said about accepted texts. p_results: array of {message_id, attempt, verdict, sid, status, error_code}; verdict: found (applied as a callback would be), gone (Twilio does not know it any more), failed (asked again in a minute). Returns how many were news. Raises 22004 for NULL, 22023 if it is not such an array, 55000 before herald_install().';

create function @extschema@.resolve_sms_message(p_message_id uuid, p_outcome text, p_sid text default null) returns text
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'resolve_sms_message_wrapper';
comment on function @extschema@.resolve_sms_message(uuid, text, text) is
'Decides by hand a text of which nobody knows whether Twilio took it. p_outcome: accepted, with Twilio''s SID in p_sid; or not_sent, and it goes by its event type''s policy. Returns its status now. Raises 22004 for NULL (p_sid: with accepted), 22023 for another outcome or a SID that belongs to another message, P0002 for an unknown id, 55000 if it is not in doubt, or before herald_install().';

create function @extschema@.requeue_sms_messages(p_message_ids uuid[]) returns setof uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'requeue_sms_messages_wrapper';
comment on function @extschema@.requeue_sms_messages(uuid[]) is
'Gives texts that failed for good (view herald.dead_letters) another chance, with all their attempts; the gate decides once more when they are claimed. Returns those that were requeued. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.herald_dispatch_identity(p_known_arming uuid)
returns table (
    install_id uuid,
    system_identifier text,
    timeline integer,
    database_oid bigint,
    wal_position bigint,
    installed_here boolean,
    arming_id uuid,
    armed_system_identifier text,
    armed_timeline integer,
    armed_database_oid bigint,
    armed_at timestamptz,
    knows_arming boolean,
    waiting bigint
)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_dispatch_identity_wrapper';
comment on function @extschema@.herald_dispatch_identity(uuid) is
'Which database this is, and for which one sending was armed last (arming_id and what follows NULL: never); a daemon compares both with its state directory before it sends. p_known_arming: the arming it remembers, NULL = none; knows_arming: this database had it. wal_position: bytes of WAL flushed, never less than before. installed_here: the tables were made in this database. waiting: texts and broadcasts that wait, are in flight or in doubt. Raises 55000 on a standby, or before herald_install().';

create function @extschema@.herald_arm(p_first boolean)
returns table (arming_id uuid, quarantined integer)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_arm_wrapper';
comment on function @extschema@.herald_arm(boolean) is
'Arms sending for this database. p_first = true: by a daemon, for an installation that was never armed. false: an operator''s deliberate act after a restore, a copy or a promotion; every text that is due now or waits for a retry is looked for at Twilio before it may go (quarantined: how many), and so are, once they are fanned out, those of broadcasts that are due now; what was in doubt already is looked for anew. Raises 22004 for NULL; 55000 if p_first and it was armed before, or was installed elsewhere and something waits; 55000 before herald_install().';

create function @extschema@.herald_status()
returns table (section text, name text, amount bigint, age_seconds double precision, detail text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_status_wrapper';
comment on function @extschema@.herald_status() is
'The state of sending at a glance. section queue: texts due or waiting per priority, in flight, unknown, silent, with the age of the oldest; breaker: what is paused, for how long and why; twilio: the last acceptance and the last callback; arming: whether this database is the one that was armed. Raises 55000 before herald_install().';
