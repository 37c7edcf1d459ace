-- What the limits must know of the person in row "p", whose preferences are in "n", for a text of priority {urgency}.
p.daily_sms_count, p.daily_count_reset_at, p.daily_type_counts, p.hourly_sms_count, p.hourly_count_reset_at,
least(p.daily_sms_limit, n.max_per_day) as day_limit, n.max_per_hour as hour_limit,
p.quiet_hours_start, p.quiet_hours_end,
coalesce(p.quiet_hours_start = p.quiet_hours_end
         or {urgency} = 'urgent' and p.urgent_alerts and p.urgent_bypass_quiet_hours, true) as is_open,
{zone} as zone
