-- How a period went. $1 length of the period, $2 how long ago it ended
with period as (
    select now() - $2::interval - $1::interval as since, now() - $2::interval as until
),
d as ({deliveries})
select count(*) filter (where is_sent) as total_sent,
       round(100.0 * count(*) filter (where is_sent) / nullif(count(*) filter (where is_sent or is_failed), 0), 2) as success,
       round(100.0 * count(*) filter (where is_sent and opened_at is not null) / nullif(count(*) filter (where is_sent), 0), 2) as open,
       round(100.0 * count(*) filter (where is_sent and clicked_at is not null)
             / nullif(count(*) filter (where is_sent and opened_at is not null), 0), 2) as click
from d
