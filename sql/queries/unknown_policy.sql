-- What the message's event type wants when nobody knows whether Twilio took the text; reads a row "message".
(select t.unknown_policy
 from herald.notification_deliveries policy_delivery
 join herald.notification_events policy_event on policy_event.id = policy_delivery.event_id
 join herald.notification_event_types t on t.event_type = policy_event.event_type
 where policy_delivery.id = message.notification_delivery_id)
