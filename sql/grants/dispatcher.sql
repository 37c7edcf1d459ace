-- The daemon works through functions alone: no table, no schema.
grant usage on schema {ext} to {role};
grant execute on function
    {ext}.herald_dispatcher_hello(uuid, text),
    {ext}.claim_sms_messages(uuid, integer),
    {ext}.complete_sms_messages(uuid, jsonb),
    {ext}.extend_dispatch_leases(uuid, uuid[]),
    {ext}.expire_dispatch_leases(),
    {ext}.fan_out_notification_events(integer),
    {ext}.record_twilio_callbacks(jsonb),
    {ext}.herald_dispatch_identity(uuid),
    {ext}.herald_arm(boolean),
    {ext}.herald_status(),
    {ext}.claim_phone_verifications(uuid, integer),
    {ext}.complete_phone_verification(uuid, uuid, integer, text, jsonb),
    {ext}.claim_unknown_sms_messages(integer),
    {ext}.herald_owned_sids(text[]),
    {ext}.complete_unknown_sms_messages(jsonb),
    {ext}.resolve_sms_message(uuid, text, text),
    {ext}.claim_stale_sms_messages(integer),
    {ext}.complete_stale_sms_messages(jsonb),
    {ext}.record_twilio_inbound(jsonb),
    {ext}.purge_expired_records(integer),
    {ext}.why(uuid, uuid),
    {ext}.herald_next_due(),
    {ext}.herald_queue_stats(),
    {ext}.herald_breakers()
to {role};
