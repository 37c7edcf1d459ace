-- Where a delivery stands, its message locked: first the message, as everything that writes results does. $1 delivery
with message as materialized (
    select * from herald.sms_messages where notification_delivery_id = $1 for no key update
)
-- A failure that was told before the result of its request is written is not the last word: the text is on its way.
select d.status, case when m.batch_id is null then m.status else 'queued' end as message_status, d.channel, d.recipient_user_id, d.event_id, coalesce(m.attempt_count, 0) as attempts,
       coalesce(m.expires_at <= now(), false) as is_expired, c.code, c.retry = 'never' as is_hopeless, c.advice,
       e.event_type, e.actor_user_id, case when e.erased_at is null then e.payload::text end as payload, e.priority,
       (select count(*)::integer
        from herald.notification_deliveries later
        join herald.notification_events again on again.id = later.event_id
        where later.recipient_user_id = d.recipient_user_id and later.created_at >= d.created_at
          and again.metadata ->> 'resend_of' = d.id::text) as resends
from herald.notification_deliveries d
join herald.notification_events e on e.id = d.event_id
left join message m on true
left join herald.twilio_error_codes c on c.code = m.twilio_error_code
where d.id = $1
