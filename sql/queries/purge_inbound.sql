-- Deletes the oldest rows whose time is over. $1 most rows
with cutoff as (
    select now() - make_interval(days => (value #>> '{}')::integer) as moment
    from herald.settings where name = 'retention_inbound_days' and (value #>> '{}')::integer > 0
),
old as materialized (
    select r.id
    from cutoff, herald.sms_inbound_messages r
    where r.id < herald.oldest_id(cutoff.moment) and r.received_at < cutoff.moment
    order by r.id
    limit $1
    for update of r skip locked
),
gone as (delete from herald.sms_inbound_messages r using old where r.id = old.id returning r.id)
select count(*)::bigint from gone
