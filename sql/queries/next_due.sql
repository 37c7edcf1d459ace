-- When there is something to do next; NULL = nothing waits. $1 queue ranks
select min(q.run_at)
from unnest('{send_sms,fan_out}'::text[]) as kind (job_type)
cross join unnest($1) as rank (priority)
cross join lateral (
    select run_at
    from herald.queue_jobs q
    where q.job_type = kind.job_type and q.priority = rank.priority and q.run_at < 'infinity'
    order by run_at
    limit 1
) q
