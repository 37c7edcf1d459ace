-- Twilio refused because the person opted out: reads rows "refused"; the number is not texted any more, and the ledger says why.
opted_out as (
    update herald.user_sms_preferences p
    set opted_out = true, opted_out_at = now(), opt_out_reason = 'twilio_' || refused.error_code, updated_at = now()
    from refused
    where p.phone_number = refused.phone_number and not p.opted_out
),
consent as (
    insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, message_sid)
    select {ext}.herald_uuid_v7(), refused.user_id, refused.phone_number, 'provider_block',
           'twilio_' || refused.error_code, refused.sid
    from refused
)
