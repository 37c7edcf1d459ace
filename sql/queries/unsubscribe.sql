-- Ends a subscription; its filters stay for the next time. $1 user, $2 event type
update herald.notification_subscriptions
set is_active = false, updated_at = now()
where user_id = $1 and event_type = $2 and is_active
returning true
