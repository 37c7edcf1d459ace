-- Everything a user may set, as it stands, and what the system knows of their number; also for a user we have never heard
-- of: what stands in the coalesces are the defaults of the columns. $1 user
select jsonb_build_object(
           'user_id', $1,
           'sms_enabled', coalesce(n.sms_enabled, false),
           'email_enabled', coalesce(n.email_enabled, false),
           'push_enabled', coalesce(n.push_enabled, false),
           'in_app_enabled', coalesce(n.in_app_enabled, false),
           'should_sms_daily_brief', coalesce(n.should_sms_daily_brief, false),
           'should_email_daily_brief', coalesce(n.should_email_daily_brief, false),
           'locale', n.locale,
           'priority', coalesce(n.priority, 'normal'),
           'batch_enabled', coalesce(n.batch_enabled, false),
           'batch_interval_minutes', n.batch_interval_minutes,
           'max_per_day', n.max_per_day,
           'max_per_hour', n.max_per_hour)
    || jsonb_build_object(
           'quiet_hours_enabled', coalesce(p.quiet_hours_start <> p.quiet_hours_end, true),
           'quiet_hours_start', to_char(coalesce(p.quiet_hours_start, '21:00'), 'HH24:MI'),
           'quiet_hours_end', to_char(coalesce(p.quiet_hours_end, '08:00'), 'HH24:MI'),
           'timezone', p.timezone,
           'urgent_alerts', coalesce(p.urgent_alerts, true),
           'urgent_bypass_quiet_hours', coalesce(p.urgent_bypass_quiet_hours, true),
           'daily_sms_limit', coalesce(p.daily_sms_limit, 10),
           'event_reminders_enabled', coalesce(p.event_reminders_enabled, true),
           'event_reminder_lead_time_minutes', coalesce(p.event_reminder_lead_time_minutes, 15),
           'morning_kickoff_enabled', coalesce(p.morning_kickoff_enabled, false),
           'morning_kickoff_time', to_char(p.morning_kickoff_time, 'HH24:MI'),
           'evening_recap_enabled', coalesce(p.evening_recap_enabled, false))
    || jsonb_build_object(
           'phone', jsonb_build_object(
               'number', p.phone_number,
               'verified', coalesce(p.phone_verified, false),
               'verified_at', p.phone_verified_at,
               'invalid_reason', p.phone_invalid_reason,
               'pending_number', (select v.phone_number from herald.phone_verifications v
                                  where v.user_id = $1 and v.status in ('starting', 'pending', 'checking')
                                  order by v.created_at desc limit 1),
               'opted_out', coalesce(p.opted_out, false),
               'opted_out_at', p.opted_out_at,
               'opt_out_reason', p.opt_out_reason,
               'provider_blocked', coalesce(o.provider_blocked, false)),
           'events', coalesce((
               select jsonb_object_agg(s.event_type, jsonb_build_object(
                          'is_active', s.is_active, 'filters', s.filters, 'sms_enabled', s.sms_enabled,
                          'email_enabled', s.email_enabled, 'push_enabled', s.push_enabled, 'in_app_enabled', s.in_app_enabled))
               from herald.notification_subscriptions s
               where s.user_id = $1), '{}')) as preferences
from (values (1)) as always (one)
left join herald.user_notification_preferences n on n.user_id = $1
left join herald.user_sms_preferences p on p.user_id = $1
left join herald.sms_opt_outs o on o.number_hash = herald.number_hash(p.phone_number)
