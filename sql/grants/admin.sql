-- Everything of app, any number, and the rows that people administer. The records and the ledger are read only.
grant usage on schema {ext} to {role};
grant execute on function
    {ext}.emit_notification_event(text, text, uuid, uuid, jsonb, jsonb, timestamptz),
    {ext}.emit_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz),
    {ext}.queue_sms_message(uuid, text, text, {ext}.sms_priority, timestamptz, jsonb),
    {ext}.get_user_sms_channel_info(uuid),
    {ext}.cancel_sms_message(uuid),
    {ext}.cancel_notification_event(uuid),
    {ext}.opt_out_user(uuid, text),
    {ext}.get_sms_opt_out_status(uuid),
    {ext}.export_consent_evidence(uuid, text),
    {ext}.erase_user(uuid),
    {ext}.purge_expired_records(integer),
    {ext}.herald_admin(),
    {ext}.herald_set_setting(text, jsonb),
    {ext}.release_notification_event(uuid),
    {ext}.update_sms_status_atomic(uuid, text, text, text, integer, text),
    {ext}.classify_twilio_error(integer, text, integer),
    {ext}.herald_breakers(),
    {ext}.resume_sending(text, text),
    {ext}.resolve_sms_message(uuid, text, text),
    {ext}.herald_status(),
    {ext}.requeue_sms_messages(uuid[]),
    {ext}.herald_queue_stats()
to {role};
grant usage on schema herald to {role};
grant select on all tables in schema herald to {role};
revoke select on herald.settings from {role};
grant insert, update, delete on
    herald.notification_event_types,
    herald.notification_subscriptions,
    herald.user_notification_preferences,
    herald.user_sms_preferences,
    herald.sms_templates
to {role};
grant update on herald.twilio_error_codes to {role};
