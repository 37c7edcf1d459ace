-- How much waits, is in flight or in doubt, and since when. $1/$2 names and ranks of the priorities
select case when q.run_at <= now() then 'due' else 'waiting' end as state, rank.name as priority, count(*) as messages,
       greatest(0, extract(epoch from now() - min(q.run_at)))::double precision as oldest_age_seconds
from herald.queue_jobs q
join unnest($1, $2) as rank (name, priority) on rank.priority = q.priority
where q.job_type = 'send_sms'
group by 1, 2
union all
select 'in_flight', 'all', coalesce(sum(open_messages), 0),
       coalesce(extract(epoch from now() - min(claimed_at)), 0)::double precision
from herald.dispatch_batches
union all
select 'unknown', 'all', count(*), coalesce(extract(epoch from now() - min(finished_at)), 0)::double precision
from herald.sms_send_attempts
where resolve_at is not null
