-- What failed, latest first. $1 length of the period until now, $2 how many at most
with period as (select now() - $1::interval as since, now() as until),
d as ({deliveries})
select d.id, d.event_id, e.event_type, d.channel, d.recipient_user_id,
       (select min(r.email) from herald.recipients r where r.user_id = d.recipient_user_id) as recipient_email,
       d.last_error, d.attempts, d.max_attempts, d.created_at, d.failed_at
from d
join herald.notification_events e on e.id = d.event_id
where d.is_failed
order by d.created_at desc, d.id desc
limit $2
