-- The gate: may this text go? NULL = yes, from g.open_at on; otherwise the reason why not.
-- Part of emit, of the deferred fan-out, of explain, of may_text and of the claim, so that they can never disagree.
-- It reads one row "g".
case
    when g.event_cancelled then 'event_cancelled'
    when not g.type_active then 'event_type_inactive'
    when g.unwanted is not null then g.unwanted
    when not g.in_audience then 'not_admin'
    when not g.channel_enabled then 'preference'
    when g.channel in ('email', 'push') then 'no_adapter'
    when g.channel = 'in_app' then case when g.expires_at <= g.due_at then 'expired' end
    when g.phone_number is null then 'no_phone'
    when not g.phone_verified and g.phone_invalid_reason is not null then 'invalid_number'
    when not g.phone_verified then 'unverified'
    -- An opt-out belongs to the number: triggers keep it in every row that has the number.
    when g.opted_out then 'opted_out'
    when (g.phone_number ^@ any (g.prefixes)) is not true then 'country_not_allowed'
    when g.open_at is null or g.open_at = 'infinity' and g.due_at < 'infinity' then 'unknown_time_zone'
    -- It could only go when it is over.
    when g.expires_at < g.open_at + interval '1 second' then 'expired'
end
