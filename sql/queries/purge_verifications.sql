-- Deletes the oldest rows whose time is over. $1 most rows
with cutoff as (
    select now() - make_interval(days => (value #>> '{}')::integer) as moment
    from herald.settings where name = 'retention_verifications_days' and (value #>> '{}')::integer > 0
),
old as materialized (
    select v.id
    from cutoff, herald.phone_verifications v
    where v.created_at < cutoff.moment
    limit $1
    for update of v skip locked
),
gone as (delete from herald.phone_verifications v using old where v.id = old.id returning v.id)
select count(*)::bigint from gone
