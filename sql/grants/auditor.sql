-- Reads everything but the settings, which hold a key.
grant usage on schema {ext} to {role};
grant usage on schema herald to {role};
grant select on all tables in schema herald to {role};
revoke select on herald.settings from {role};
grant execute on function
    {ext}.get_sms_opt_out_status(uuid),
    {ext}.export_consent_evidence(uuid, text),
    {ext}.classify_twilio_error(integer, text, integer),
    {ext}.herald_breakers(),
    {ext}.herald_status(),
    {ext}.herald_queue_stats()
to {role};
