-- The gate: may this text go? NULL = yes, otherwise the reason why not.
-- Part of emit, of the deferred fan-out and of the claim, so that the three can never disagree. It reads one row "g".
case
    when g.event_cancelled then 'event_cancelled'
    when not g.type_active then 'event_type_inactive'
    when not g.subscribed then 'unsubscribed'
    when not g.in_audience then 'not_admin'
    when not g.channel_enabled then 'preference'
    when g.channel <> 'sms' then 'no_adapter'
    when g.phone_number is null then 'no_phone'
    when not g.phone_verified and g.phone_invalid_reason is not null then 'invalid_number'
    when not g.phone_verified then 'unverified'
    when g.opted_out then 'opted_out'
    -- An opt-out belongs to the number, whoever's row it stands in. (An aggregate, because of exists the planner may make a
    -- hash of everybody's numbers.)
    when (select bool_or(o.opted_out) from herald.user_sms_preferences o where o.phone_number = g.phone_number) then 'opted_out'
    when not exists (select from jsonb_array_elements_text(
                         (select value from herald.settings where name = 'allowed_country_prefixes')) as prefix
                     where starts_with(g.phone_number, prefix)) then 'country_not_allowed'
    when g.expires_at <= g.due_at then 'expired'
end
