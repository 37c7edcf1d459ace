-- Twilio refused because the person opted out: reads rows "refused"; the number is not texted any more, and the ledger says why.
-- Locked in one order, so that two statements with the same numbers do not wait for each other.
refusing as materialized (
    select p.id, p.phone_number
    from herald.user_sms_preferences p
    where p.phone_number in (select phone_number from refused) and not p.opted_out
    order by p.id
    for no key update
),
opted_out as (
    update herald.user_sms_preferences p
    set opted_out = true, opted_out_at = now(), opt_out_reason = 'twilio_' || refused.error_code, updated_at = now()
    from refusing
    join refused on refused.phone_number = refusing.phone_number
    where p.id = refusing.id
),
consent as (
    insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, message_sid)
    select {ext}.herald_uuid_v7(), refused.user_id, refused.phone_number, 'provider_block',
           'twilio_' || refused.error_code, refused.sid
    from refused
)
