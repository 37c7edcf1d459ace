-- Phone numbers: proving them, taking them over, giving them up.

create function @extschema@.start_phone_verification(p_user_id uuid, p_phone_number text) returns uuid
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'start_phone_verification_wrapper';
comment on function @extschema@.start_phone_verification(uuid, text) is
'Asks for a code to be sent to a number, by the daemon through Twilio Verify as soon as this commits; returns the verification''s id. p_phone_number: as typed, with + and country code; without one only if the setting default_region says whose it is. A verified number stays in use until another one is proven. An earlier verification of the user is superseded.
What becomes of it is in get_phone_verification(user) and is announced on the channel herald_phone_verification. It may have failed already: country_not_allowed, number_in_use (another user verified it), too_many_starts (the setting verify_starts_per_hour, per user and per number).
Raises 22004 for NULL, 22023 for something that is no number, 55000 before herald_install().';

create function @extschema@.confirm_phone_verification(p_user_id uuid, p_code text) returns text
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'confirm_phone_verification_wrapper';
comment on function @extschema@.confirm_phone_verification(uuid, text) is
'Hands the code that a user typed to the daemon, which asks Twilio Verify as soon as this commits. Returns checking; or, with nothing asked: malformed_code (not 4 to 10 digits), no_verification (none was started), starting (the code is just being sent), busy (another code is being checked), expired, too_many_checks (the setting verify_checks_per_hour, per user and per number).
The result is in get_phone_verification(user) and is announced on the channel herald_phone_verification. The code is stored outside of the WAL and only until the daemon takes it. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.get_phone_verification(p_user_id uuid)
returns table (
    verification_id uuid,
    phone_number text,
    status text,
    reason text,
    attempts integer,
    expires_at timestamptz,
    started_at timestamptz,
    updated_at timestamptz
)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'get_phone_verification_wrapper';
comment on function @extschema@.get_phone_verification(uuid) is
'A user''s latest verification; no row if there is none. status: starting, pending (a code was sent), checking, approved, expired, failed, superseded, canceled. reason: beside pending what came of the last code (wrong_code, service_failure: enter it again, too_many_checks: wait); beside failed why (landline, prefix_blocked, country_blocked, country_not_allowed, number_invalid, number_in_use, too_many_starts, too_many_checks, service_failure); beside approved NULL, or provider_blocked: Twilio blocks texts to the number until it texts START. Raises 22004 for NULL, 55000 before herald_install().';

-- Neither SECURITY DEFINER nor SET: a procedure that commits may have neither. So every name and operator is qualified.
create procedure @extschema@.verify_phone_code(p_user_id uuid, p_code text, inout p_status text default null)
language plpgsql as $$
declare
    deadline timestamptz;
    pause double precision := 0.01;
    state record;
begin
    p_status := @extschema@.confirm_phone_verification(p_user_id, p_code);
    if p_status operator(pg_catalog.<>) 'checking' then
        return;
    end if;
    deadline := pg_catalog.clock_timestamp()
        operator(pg_catalog.+) pg_catalog.make_interval(secs => @extschema@.herald_verify_wait_seconds()::pg_catalog.float8);
    loop
        commit;
        select v.status, v.reason into state from @extschema@.get_phone_verification(p_user_id) as v;
        if state.status operator(pg_catalog.<>) 'checking' then
            p_status := case when state.status operator(pg_catalog.=) any ('{pending,failed}'::pg_catalog.text[])
                             then coalesce(state.reason, state.status) else state.status end;
            return;
        end if;
        if pg_catalog.clock_timestamp() operator(pg_catalog.>) deadline then
            return;
        end if;
        perform pg_catalog.pg_sleep(pause);
        pause := least(pause operator(pg_catalog.*) 1.5::pg_catalog.float8, 0.25::pg_catalog.float8);
    end loop;
end
$$;
comment on procedure @extschema@.verify_phone_code(uuid, text, text) is
'Confirms a code and waits for the answer: commits, then looks until Twilio has answered or the setting verify_wait_seconds is over. p_status comes back as approved, wrong_code, expired, too_many_checks, service_failure, number_in_use, what confirm_phone_verification refuses with, or checking if no answer came in time. Raises 22004 for NULL, 2D000 inside a transaction block, 55000 before herald_install().';

create function @extschema@.herald_verify_wait_seconds() returns integer
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_verify_wait_seconds_wrapper';
comment on function @extschema@.herald_verify_wait_seconds() is
'The setting verify_wait_seconds, for verify_phone_code. Raises 55000 before herald_install().';

create function @extschema@.remove_phone_number(p_user_id uuid) returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'remove_phone_number_wrapper';
comment on function @extschema@.remove_phone_number(uuid) is
'A user gives the number up: nothing is sent to it for them any more, and another user may verify it. An opt-out stays. False: there was none. Raises 22004 for NULL, 55000 before herald_install().';

create function @extschema@.import_verified_number(p_user_id uuid, p_phone_number text, p_evidence text) returns void
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'import_verified_number_wrapper';
comment on function @extschema@.import_verified_number(uuid, text, text) is
'Takes over a number that was proven elsewhere, for administrators. p_phone_number: with + and country code. p_evidence: when, how and in which words the person agreed; kept in the consent ledger.
Raises 22004 for NULL, 22023 for something that is no number or an empty p_evidence, 23505 if another user has the number, 55000 if number or user has opted out (only the person''s own verification lifts that), or before herald_install().';

create function @extschema@.claim_phone_verifications(p_worker uuid, p_limit integer)
returns table (
    verification_id uuid,
    claim integer,
    step text,
    phone_number text,
    channel text,
    verification_sid text,
    code text
)
language c volatile security definer set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off
as 'MODULE_PATHNAME', 'claim_phone_verifications_wrapper';
comment on function @extschema@.claim_phone_verifications(uuid, integer) is
'Takes up to p_limit verifications that wait for Twilio, for lease_seconds; commit before asking. step: start (send a code) or check (code is the one to compare; it is not in the database any more). claim: names this taking in complete_phone_verification. No rows: nothing waits. Raises 22004 for NULL, 22023 for a limit outside 1 to 100, 55000 before herald_install().';

create function @extschema@.complete_phone_verification(p_worker uuid, p_verification_id uuid, p_claim integer, p_verdict text, p_details jsonb default '{}')
returns table (applied boolean, status text, reason text)
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'complete_phone_verification_wrapper';
comment on function @extschema@.complete_phone_verification(uuid, uuid, integer, text, jsonb) is
'Writes what Twilio Verify said. p_verdict: sent, approved, wrong_code, expired, too_many_checks, too_many_starts, landline, number_invalid, prefix_blocked, country_blocked, retry, service_failure. p_details: {sid, error_code, error_message}. approved makes the number the user''s, records the consent, lifts our opt-out and emits user.welcome. One row; applied = false: the lease was lost or the verification was superseded, and nothing was written. Raises 22004 for NULL, 22023 for an unknown verdict, 55000 before herald_install().';
