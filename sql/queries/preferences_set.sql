-- Changes what is named and leaves the rest. $1 user, $2 the changes: known names with values of their types
with n as (
    update herald.user_notification_preferences n
    set sms_enabled = coalesce(($2 ->> 'sms_enabled')::boolean, n.sms_enabled),
        email_enabled = coalesce(($2 ->> 'email_enabled')::boolean, n.email_enabled),
        push_enabled = coalesce(($2 ->> 'push_enabled')::boolean, n.push_enabled),
        in_app_enabled = coalesce(($2 ->> 'in_app_enabled')::boolean, n.in_app_enabled),
        should_sms_daily_brief = coalesce(($2 ->> 'should_sms_daily_brief')::boolean, n.should_sms_daily_brief),
        should_email_daily_brief = coalesce(($2 ->> 'should_email_daily_brief')::boolean, n.should_email_daily_brief),
        locale = case when $2 ? 'locale' then $2 ->> 'locale' else n.locale end,
        priority = coalesce($2 ->> 'priority', n.priority),
        batch_enabled = coalesce(($2 ->> 'batch_enabled')::boolean, n.batch_enabled),
        batch_interval_minutes = case when $2 ? 'batch_interval_minutes'
                                      then ($2 ->> 'batch_interval_minutes')::integer else n.batch_interval_minutes end,
        max_per_day = case when $2 ? 'max_per_day' then ($2 ->> 'max_per_day')::integer else n.max_per_day end,
        max_per_hour = case when $2 ? 'max_per_hour' then ($2 ->> 'max_per_hour')::integer else n.max_per_hour end,
        updated_at = now()
    where n.user_id = $1
)
update herald.user_sms_preferences p
set quiet_hours_start = coalesce(($2 ->> 'quiet_hours_start')::time, p.quiet_hours_start),
    quiet_hours_end = coalesce(($2 ->> 'quiet_hours_end')::time, p.quiet_hours_end),
    timezone = case when $2 ? 'timezone' then $2 ->> 'timezone' else p.timezone end,
    urgent_alerts = coalesce(($2 ->> 'urgent_alerts')::boolean, p.urgent_alerts),
    urgent_bypass_quiet_hours = coalesce(($2 ->> 'urgent_bypass_quiet_hours')::boolean, p.urgent_bypass_quiet_hours),
    daily_sms_limit = coalesce(($2 ->> 'daily_sms_limit')::integer, p.daily_sms_limit),
    event_reminders_enabled = coalesce(($2 ->> 'event_reminders_enabled')::boolean, p.event_reminders_enabled),
    event_reminder_lead_time_minutes
        = coalesce(($2 ->> 'event_reminder_lead_time_minutes')::integer, p.event_reminder_lead_time_minutes),
    morning_kickoff_enabled = coalesce(($2 ->> 'morning_kickoff_enabled')::boolean, p.morning_kickoff_enabled),
    morning_kickoff_time = case when $2 ? 'morning_kickoff_time'
                                then ($2 ->> 'morning_kickoff_time')::time else p.morning_kickoff_time end,
    evening_recap_enabled = coalesce(($2 ->> 'evening_recap_enabled')::boolean, p.evening_recap_enabled),
    updated_at = now()
where p.user_id = $1
returning p.quiet_hours_start <> p.quiet_hours_end as has_quiet_hours
