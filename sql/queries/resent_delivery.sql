-- What an event that was emitted again came to; for somebody who does not want it, that is nothing. $1 event
select (select d.id
        from herald.notification_deliveries d
        where d.event_id = e.id
          and coalesce(d.suppress_reason, '') not in ('not_subscribed', 'unsubscribed', 'filter')
        limit 1) as delivery_id, e.problems
from herald.notification_events e
where e.id = $1
