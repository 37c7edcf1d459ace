-- Everything of app, any number, and the rows that people administer. The records and the ledger are read only.
grant usage on schema {ext} to {role};
grant execute on function
    {ext}.emit_notification_event(text, text, uuid, uuid, jsonb, jsonb, timestamptz),
    {ext}.emit_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz),
    {ext}.queue_sms_message(uuid, text, text, {ext}.sms_priority, timestamptz, jsonb),
    {ext}.emit_notification_event_trigger(),
    {ext}.check_notification_trigger(regclass),
    {ext}.check_template(text, jsonb),
    {ext}.preview_template(text, jsonb, text),
    {ext}.why(uuid, uuid),
    {ext}.retry_notification_delivery(uuid),
    {ext}.resend_notification_delivery(uuid),
    {ext}.get_notification_overview_metrics(text, text),
    {ext}.get_notification_channel_performance(text),
    {ext}.get_notification_event_performance(text),
    {ext}.get_notification_delivery_timeline(text, text),
    {ext}.get_notification_failed_deliveries(text, integer),
    {ext}.get_sms_notification_stats(text),
    {ext}.get_user_notifications(uuid, integer, uuid, boolean),
    {ext}.count_unread_notifications(uuid),
    {ext}.mark_notification_read(uuid, uuid),
    {ext}.mark_all_notifications_read(uuid),
    {ext}.dismiss_notification(uuid, uuid),
    {ext}.get_user_sms_channel_info(uuid),
    {ext}.may_text(uuid, timestamptz, text),
    {ext}.explain_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz, timestamptz),
    {ext}.cancel_sms_message(uuid),
    {ext}.cancel_notification_event(uuid),
    {ext}.get_notification_preferences(uuid),
    {ext}.set_notification_preferences(uuid, jsonb),
    {ext}.subscribe(uuid, text, jsonb, boolean, boolean, boolean, boolean, uuid),
    {ext}.unsubscribe(uuid, text),
    {ext}.start_phone_verification(uuid, text),
    {ext}.confirm_phone_verification(uuid, text),
    {ext}.get_phone_verification(uuid),
    {ext}.herald_verify_wait_seconds(),
    {ext}.remove_phone_number(uuid),
    {ext}.import_verified_number(uuid, text, text),
    {ext}.search_notification_recipients(text, text, integer),
    {ext}.send_test_notification(text, uuid[], jsonb, uuid),
    {ext}.opt_out_user(uuid, text),
    {ext}.get_sms_opt_out_status(uuid),
    {ext}.export_consent_evidence(uuid, text),
    {ext}.erase_user(uuid),
    {ext}.purge_expired_records(integer),
    {ext}.herald_admin(),
    {ext}.herald_set_setting(text, jsonb),
    {ext}.release_notification_event(uuid),
    {ext}.update_sms_status_atomic(uuid, text, text, text, integer, text),
    {ext}.classify_twilio_error(integer, text, integer),
    {ext}.herald_breakers(),
    {ext}.resume_sending(text, text),
    {ext}.resolve_sms_message(uuid, text, text),
    {ext}.herald_status(),
    {ext}.requeue_sms_messages(uuid[]),
    {ext}.herald_queue_stats()
to {role};
grant execute on procedure {ext}.verify_phone_code(uuid, text, text) to {role};
grant usage on schema herald to {role};
grant select on all tables in schema herald to {role};
revoke select on herald.settings, herald.phone_verification_codes from {role};
grant insert, update, delete on
    herald.notification_event_types,
    herald.notification_subscriptions,
    herald.user_notification_preferences,
    herald.sms_templates,
    herald.sms_caps
to {role};
grant update on herald.twilio_error_codes to {role};
-- Number, proof and opt-out are not among them: functions write those.
revoke insert, update, delete on herald.user_sms_preferences from {role};
grant insert (user_id, quiet_hours_start, quiet_hours_end, timezone, urgent_alerts, urgent_bypass_quiet_hours, daily_sms_limit,
              event_reminders_enabled, event_reminder_lead_time_minutes, morning_kickoff_enabled, morning_kickoff_time,
              evening_recap_enabled, updated_at),
      update (quiet_hours_start, quiet_hours_end, timezone, urgent_alerts, urgent_bypass_quiet_hours, daily_sms_limit,
              event_reminders_enabled, event_reminder_lead_time_minutes, morning_kickoff_enabled, morning_kickoff_time,
              evening_recap_enabled, updated_at)
on herald.user_sms_preferences to {role};
