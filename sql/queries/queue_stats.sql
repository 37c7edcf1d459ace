-- How much waits, is in flight or in doubt, and since when. $1/$2 names and ranks of the priorities
-- Counted up to 10,000 of a kind; what is more is estimated from the planner's statistics, since a monitor that counts a
-- backlog of millions each time costs more than sending from it.
select kind.state, rank.name as priority,
       case when kind.messages <= 10000 then kind.messages
            else greatest(10001, planner.messages * coalesce(planner.of_priority, 1)
                                 * case when kind.state = 'due' then planner.of_due else 1 - planner.of_due end)::bigint
       end as messages,
       greatest(0, extract(epoch from now() - kind.oldest))::double precision as oldest_age_seconds
from unnest($1, $2) as rank (name, priority)
cross join lateral (
    select 'due' as state, count(*) as messages, min(q.run_at) as oldest
    from (select q.run_at from herald.queue_jobs q
          where q.job_type = 'send_sms' and q.priority = rank.priority and q.run_at <= now()
          order by q.run_at limit 10001) q
    union all
    select 'waiting', count(*), min(q.run_at)
    from (select q.run_at from herald.queue_jobs q
          where q.job_type = 'send_sms' and q.priority = rank.priority and q.run_at > now()
          order by q.run_at limit 10001) q
) kind
-- The rows of the table as it is now, how many have this priority, and how many of them are due.
left join lateral (
    select c.reltuples / greatest(c.relpages, 1) * pg_relation_size(c.oid) / current_setting('block_size')::integer as messages,
           (select frequency
            from pg_stats s, unnest(s.most_common_vals::text::smallint[], s.most_common_freqs) as common (priority, frequency)
            where s.schemaname = 'herald' and s.tablename = 'queue_jobs' and s.attname = 'priority'
              and common.priority = rank.priority) as of_priority,
           coalesce((select avg((bound <= now())::integer)
                     from pg_stats s, unnest(s.histogram_bounds::text::timestamptz[]) as bound
                     where s.schemaname = 'herald' and s.tablename = 'queue_jobs' and s.attname = 'run_at'), 1) as of_due
    from pg_class c
    where c.oid = 'herald.queue_jobs'::regclass and kind.messages > 10000
) planner on true
where kind.messages > 0
union all
select 'in_flight', 'all', coalesce(sum(open_messages), 0),
       coalesce(extract(epoch from now() - min(claimed_at)), 0)::double precision
from herald.dispatch_batches
union all
select 'unknown', 'all', count(*), coalesce(extract(epoch from now() - min(finished_at)), 0)::double precision
from herald.sms_send_attempts
where resolve_at is not null
