-- Makes or changes a subscription; what is not named stays, NULL stands for the user's default.
-- $1 user, $2 event type, $3 the changes: is_active, filters and the channels, $4 who does it
insert into herald.notification_subscriptions as s
    (user_id, event_type, is_active, filters, sms_enabled, email_enabled, push_enabled, in_app_enabled, created_by)
values ($1, $2, coalesce(($3 ->> 'is_active')::boolean, true), coalesce($3 -> 'filters', '{}'), ($3 ->> 'sms_enabled')::boolean,
        ($3 ->> 'email_enabled')::boolean, ($3 ->> 'push_enabled')::boolean, ($3 ->> 'in_app_enabled')::boolean, $4)
on conflict (event_type, user_id) do update
set is_active = coalesce(($3 ->> 'is_active')::boolean, s.is_active),
    filters = coalesce($3 -> 'filters', s.filters),
    sms_enabled = case when $3 ? 'sms_enabled' then ($3 ->> 'sms_enabled')::boolean else s.sms_enabled end,
    email_enabled = case when $3 ? 'email_enabled' then ($3 ->> 'email_enabled')::boolean else s.email_enabled end,
    push_enabled = case when $3 ? 'push_enabled' then ($3 ->> 'push_enabled')::boolean else s.push_enabled end,
    in_app_enabled = case when $3 ? 'in_app_enabled' then ($3 ->> 'in_app_enabled')::boolean else s.in_app_enabled end,
    updated_at = now()
returning jsonb_build_object('event_type', event_type, 'is_active', is_active, 'filters', filters, 'sms_enabled', sms_enabled,
                             'email_enabled', email_enabled, 'push_enabled', push_enabled, 'in_app_enabled', in_app_enabled)
