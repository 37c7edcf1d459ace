-- What was made in each hour or day, and what has become of it since. $1 length of the period until now, $2 hour or day
with period as (select now() - $1::interval as since, now() as until),
d as ({deliveries}),
bucket as (
    select generate_series(date_trunc($2, since), date_trunc($2, until), ('1 ' || $2)::interval) as time_bucket from period
)
select bucket.time_bucket,
       count(*) filter (where is_sent)::integer as sent, count(*) filter (where is_delivered)::integer as delivered,
       count(*) filter (where is_sent and opened_at is not null)::integer as opened,
       count(*) filter (where is_sent and clicked_at is not null)::integer as clicked,
       count(*) filter (where is_failed)::integer as failed
from bucket
left join d on date_trunc($2, d.created_at) = bucket.time_bucket
group by bucket.time_bucket
order by bucket.time_bucket
