-- Notifications inside the application, for those that the gate lets pass. Part of the fan-out when in_app is among the
-- channels; reads "source" and "decided". Announced to whoever listens if the setting says so and NOTIFY is not off.
in_app as (
    insert into herald.user_notifications
        (id, user_id, event_id, event_type, delivery_id, title, body, action_url, priority, visible_from, expires_at)
    select d.message_id, d.user_id, source.event_id, source.event_type, d.delivery_id,
           coalesce(source.title,
                    (select nullif(et.description, '') from herald.notification_event_types et where et.event_type = source.event_type),
                    source.event_type),
           coalesce(source.bodies[d.variant], source.body), source.action_url, source.priority, source.due_at, source.expires_at
    from source cross join decided d
    where d.channel = 'in_app' and d.reason is null
    returning case when (select source.wakes and setting.value = '1'
                         from source cross join herald.settings setting where setting.name = 'in_app_notify')
                   then pg_notify('herald_user_' || user_id, id::text)
              end
),
