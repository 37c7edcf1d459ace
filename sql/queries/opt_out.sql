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
-- Twilio blocks the number by itself now, also one that is nobody's.
blocked as (
    insert into herald.sms_opt_outs (number_hash, reason, provider_blocked)
    select distinct on (number_hash) number_hash, reason, true
    from (select herald.number_hash(phone_number) as number_hash, 'twilio_' || error_code as reason from refused) as number
    order by number_hash, reason
    on conflict (number_hash) do update
    set provider_blocked = true, opted_out_at = now(), reason = excluded.reason, updated_at = now()
),
consent as (
    insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, message_sid)
    select {ext}.herald_uuid_v7(), refused.user_id, refused.phone_number, 'provider_block',
           'twilio_' || refused.error_code, refused.sid
    from refused
)
