-- Deletes the oldest events that are over and whose time is over, with deliveries, texts and ledger. $1 most rows
-- An event with a dedup key is emptied instead: the key stays used for ever.
with cutoff as (
    select now() - make_interval(days => (value #>> '{}')::integer) as moment
    from herald.settings where name = 'retention_events_days' and (value #>> '{}')::integer > 0
),
old as materialized (
    select e.id, e.dedup_key is not null as is_keyed
    from cutoff, herald.notification_events e
    where e.id < herald.oldest_id(cutoff.moment) and e.created_at < cutoff.moment
      and e.status <> 'fanning_out'
      and (e.dedup_key is null or e.erased_at is null)
      and not exists (
          select from herald.notification_deliveries d
          left join herald.sms_messages m on m.notification_delivery_id = d.id
          where d.event_id = e.id
            and (d.status in ('pending', 'deferred', 'queued')
                 or m.status in ('scheduled', 'pending', 'queued', 'sending', 'unknown')))
    order by e.id
    limit $1
    for update of e skip locked
),
message as (
    delete from herald.sms_messages m
    using old join herald.notification_deliveries d on d.event_id = old.id
    where m.notification_delivery_id = d.id
),
delivery as (
    delete from herald.notification_deliveries d using old where d.event_id = old.id and old.is_keyed
),
emptied as (
    update herald.notification_events e
    set payload = '{}', metadata = '{}', erased_at = now()
    from old where e.id = old.id and old.is_keyed
    returning e.id
),
gone as (
    delete from herald.notification_events e using old where e.id = old.id and not old.is_keyed returning e.id
)
select (select count(*) from gone) + (select count(*) from emptied)
