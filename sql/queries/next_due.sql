-- When there is something to do next; NULL = nothing waits. $1 queue ranks
select min(case when kind.job_type = 'send_sms'
                then greatest(q.run_at, (select max(b.resume_at) from herald.breakers b
                                         where b.closed_at is null and b.scope in ('account', 'sender')))
                else q.run_at
           end)
from unnest('{send_sms,fan_out}'::text[]) as kind (job_type)
cross join unnest($1) as rank (priority)
cross join lateral (
    select run_at
    from herald.queue_jobs q
    where q.job_type = kind.job_type and q.priority = rank.priority and q.run_at < 'infinity'
    order by run_at
    limit 1
) q
