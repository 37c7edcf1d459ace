-- A delivery for everyone concerned. Reads "source" and "decided".
delivery as (
    insert into herald.notification_deliveries
        (id, event_id, subscription_id, recipient_user_id, channel, channel_identifier,
         status, suppress_reason, defer_reason, deferred_until, external_id, correlation_id, sent_at, delivered_at)
    select d.delivery_id, source.event_id, d.subscription_id, d.user_id, d.channel,
           case d.channel when 'sms' then coalesce(d.phone_number, '') else '' end,
           case when d.reason is not null then 'suppressed' when d.channel = 'in_app' then 'delivered'
                when d.open_at > source.due_at then 'deferred' else 'pending' end,
           d.reason,
           case when d.reason is null and d.open_at > source.due_at then 'quiet_hours' end,
           case when d.reason is null and d.open_at > source.due_at then d.open_at end,
           case when d.reason is null then d.message_id::text end, source.correlation_id,
           case when d.reason is null and d.channel = 'in_app' then source.due_at end,
           case when d.reason is null and d.channel = 'in_app' then source.due_at end
    from source cross join decided d
)
