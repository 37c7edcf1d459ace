-- The newest row of each table that an emit writes, without ids, people and times: the same for all emits.
select jsonb_build_object(
    'event', (select to_jsonb(e) - '{id,target_user_id,created_at}'::text[] from herald.notification_events e),
    'delivery', (select to_jsonb(d) - '{id,event_id,subscription_id,recipient_user_id,channel_identifier,external_id,created_at,updated_at}'::text[]
                        || jsonb_build_object('has', array[subscription_id is not null, external_id is not null, channel_identifier <> ''])
                 from herald.notification_deliveries d),
    'message', (select to_jsonb(m) - '{id,user_id,phone_number,notification_delivery_id,created_at,updated_at}'::text[]
                from herald.sms_messages m),
    -- Whether the row wakes the daemon is what makes the difference between the two.
    'job', (select to_jsonb(q) - '{subject_id,run_at,wakes}'::text[] from herald.queue_jobs q))::text
