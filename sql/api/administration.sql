-- What owners and administrators call: installation, rights, settings, quarantine, a status by hand.

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
