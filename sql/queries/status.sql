-- What an operator wants to know at a glance. $1/$2 names and ranks of the priorities
select 'queue' as section, stats.state || case when stats.priority = 'all' then '' else ' ' || stats.priority end as name,
       stats.messages as amount, stats.oldest_age_seconds as age_seconds, null::text as detail
from ({queue_stats}) as stats (state, priority, messages, oldest_age_seconds)
union all
select 'queue', 'silent', count(*), extract(epoch from now() - min(a.finished_at))::double precision,
       'accepted, nothing final heard: Twilio is asked'
from herald.sms_send_attempts a
where a.poll_at is not null
having count(*) > 0
union all
select 'breaker', b.scope || ' ' || b.key, b.failures::bigint, extract(epoch from now() - b.opened_at)::double precision,
       b.severity || ': ' || b.reason || '; tried again at ' || to_char(b.resume_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
from herald.breakers b
where b.closed_at is null
union all
select 'twilio', 'last acceptance', null, extract(epoch from now() - last.finished_at)::double precision, null
from (select a.finished_at from herald.sms_send_attempts a where a.outcome = 'accepted' order by a.finished_at desc limit 1) last
union all
select 'twilio', 'last callback', null, extract(epoch from now() - last.received_at)::double precision,
       last.message_status || ' (' || last.result || ')'
from (select c.received_at, c.message_status, c.result from herald.twilio_callbacks c
      where not c.params ? 'source' order by c.id desc limit 1) last
union all
select 'arming', case when (latest.system_identifier, latest.timeline, latest.database_oid)
                           = (here.system_identifier, here.timeline, here.database_oid)
                      then 'armed' else 'not armed' end,
       latest.quarantined, extract(epoch from now() - latest.armed_at)::double precision,
       'by ' || latest.armed_by || ', ' || latest.reason
from (select * from herald.armings a order by a.armed_at desc, a.id desc limit 1) latest
cross join {here} here
