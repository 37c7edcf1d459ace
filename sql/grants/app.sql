grant usage on schema {ext} to {role};
grant execute on function
    {ext}.emit_notification_event(text, text, uuid, uuid, jsonb, jsonb, timestamptz),
    {ext}.emit_notification_event(text, jsonb, uuid, uuid, timestamptz, text, text, timestamptz),
    {ext}.queue_sms_message(uuid, text, text, {ext}.sms_priority, timestamptz, jsonb),
    {ext}.emit_notification_event_trigger(),
    {ext}.check_notification_trigger(regclass),
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
    {ext}.opt_out_user(uuid, text),
    {ext}.get_sms_opt_out_status(uuid)
to {role};
