-- How each event type did. $1 length of the period until now
with period as (select now() - $1::interval as since, now() as until),
d as ({deliveries}),
event as (
    select e.id, e.event_type
    from period
    join herald.notification_events e
        on e.id >= herald.oldest_id(greatest(period.since, 'epoch')) and e.created_at > period.since
),
per_event as (
    select event_id, count(*) as deliveries, count(*) filter (where is_sent) as sent,
           count(*) filter (where is_sent and opened_at is not null) as opened,
           count(*) filter (where is_sent and clicked_at is not null) as clicked,
           count(*) filter (where is_delivered) as delivered,
           sum(extract(epoch from delivered_at - sent_at)) filter (where is_delivered) as seconds
    from d
    group by event_id
)
select event.event_type, count(*) as total_events, coalesce(sum(per_event.deliveries), 0)::bigint as total_deliveries,
       (select count(*) from herald.notification_subscriptions s
        where s.event_type = event.event_type and s.is_active) as unique_subscribers,
       round(sum(per_event.seconds) / nullif(sum(per_event.delivered), 0), 2) as avg_delivery_time_seconds,
       round(100.0 * sum(per_event.opened) / nullif(sum(per_event.sent), 0), 2) as open_rate,
       round(100.0 * sum(per_event.clicked) / nullif(sum(per_event.opened), 0), 2) as click_rate
from event
left join per_event on per_event.event_id = event.id
group by event.event_type
order by 2 desc, 1
