-- How each channel did. $1 length of the period until now
with period as (select now() - $1::interval as since, now() as until),
d as ({deliveries})
select channel, count(*) filter (where is_sent) as total_sent,
       count(*) filter (where status = 'sent') as sent,
       count(*) filter (where is_delivered) as delivered,
       count(*) filter (where is_sent and opened_at is not null) as opened,
       count(*) filter (where is_sent and clicked_at is not null) as clicked,
       count(*) filter (where is_failed) as failed,
       round(100.0 * count(*) filter (where is_sent) / nullif(count(*) filter (where is_sent or is_failed), 0), 2) as success_rate,
       round(100.0 * count(*) filter (where is_delivered) / nullif(count(*) filter (where is_sent), 0), 2) as delivery_rate,
       round(100.0 * count(*) filter (where is_sent and opened_at is not null) / nullif(count(*) filter (where is_sent), 0), 2) as open_rate,
       round(100.0 * count(*) filter (where is_sent and clicked_at is not null)
             / nullif(count(*) filter (where is_sent and opened_at is not null), 0), 2) as click_rate,
       round(avg(extract(epoch from delivered_at - sent_at) * 1000) filter (where is_delivered), 2) as avg_delivery_time_ms,
       count(*) filter (where status in ('suppressed', 'cancelled')) as suppressed
from d
group by channel
order by 2 desc, channel
