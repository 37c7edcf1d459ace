-- Who is concerned by one event, on which channels, and what the gate says of each.
-- Reads one row "source"; {recipients} brings the subscriptions "s" (one target, everybody, or one chunk), {subscribed} what
-- they say.
-- How many recipients there are the planner cannot know. The forms below keep the cost theirs alone, index by index, however
-- large the tables are: a lateral limit 1, and an aggregate in place of exists, cannot become a scan of all people.
decided as materialized (
    select g.user_id, g.subscription_id, g.channel, g.phone_number, g.variant,
           case g.channel when 'sms' then g.open_at else g.due_at end as open_at, {gate} as reason,
           {ext}.herald_uuid_v7() as delivery_id, {ext}.herald_uuid_v7() as message_id
    from (
        select {considered}
        from source
        {recipients}
        cross join unnest(source.channels) as target (channel)
        left join lateral (select n.sms_enabled, n.email_enabled, n.push_enabled, n.in_app_enabled, n.locale
                           from herald.user_notification_preferences n
                           where n.user_id = coalesce(s.user_id, source.target_user_id) limit 1) n on true
        left join lateral (select p.user_id, p.phone_number, p.phone_verified, p.phone_invalid_reason, p.opted_out, p.timezone,
                                  p.quiet_hours_start, p.quiet_hours_end, p.urgent_alerts, p.urgent_bypass_quiet_hours
                           from herald.user_sms_preferences p
                           where p.user_id = coalesce(s.user_id, source.target_user_id) limit 1) p on true
        {only}
        offset 0 -- each value is worked out once
    ) g
)
