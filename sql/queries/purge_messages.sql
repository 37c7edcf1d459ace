-- Deletes the oldest texts that are over and whose time is over, with their ledger. $1 most rows
with cutoff as (
    select now() - make_interval(days => (value #>> '{}')::integer) as moment
    from herald.settings where name = 'retention_messages_days' and (value #>> '{}')::integer > 0
),
old as materialized (
    select m.id
    from cutoff, herald.sms_messages m
    where m.id < herald.oldest_id(cutoff.moment) and m.created_at < cutoff.moment
      and m.status not in ('scheduled', 'pending', 'queued', 'sending', 'unknown')
    order by m.id
    limit $1
    for update of m skip locked
),
gone as (delete from herald.sms_messages m using old where m.id = old.id returning m.id)
select count(*)::bigint from gone
