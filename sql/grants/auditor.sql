-- Reads everything but the settings, which hold keys, and codes on their way.
grant usage on schema {ext} to {role};
grant usage on schema herald to {role};
grant select on all tables in schema herald to {role};
revoke select on herald.settings, herald.phone_verification_codes from {role};
grant execute on function
    {ext}.may_text(uuid, timestamptz, text),
    {ext}.get_sms_opt_out_status(uuid),
    {ext}.export_consent_evidence(uuid, text),
    {ext}.classify_twilio_error(integer, text, integer),
    {ext}.herald_breakers(),
    {ext}.herald_status(),
    {ext}.why(uuid, uuid),
    {ext}.preview_template(text, jsonb, text),
    {ext}.get_notification_overview_metrics(text, text),
    {ext}.get_notification_channel_performance(text),
    {ext}.get_notification_event_performance(text),
    {ext}.get_notification_delivery_timeline(text, text),
    {ext}.get_notification_failed_deliveries(text, integer),
    {ext}.get_sms_notification_stats(text),
    {ext}.herald_queue_stats()
to {role};
