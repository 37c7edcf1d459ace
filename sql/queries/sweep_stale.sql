-- Goes on over the acceptances that are old enough, and marks those of which nothing final was heard to be looked up.
-- A pass takes up to $1 of them; one daemon at a time. $2 statuses in which more is awaited
with mark as materialized (
    select w.reached_at from herald.watermarks w where w.name = 'stale' for update skip locked
),
window_end as materialized (
    select coalesce(
        (select a.finished_at
         from herald.sms_send_attempts a
         where a.outcome = 'accepted' and a.finished_at > mark.reached_at and a.finished_at <= now() - times.poll_first
         order by a.finished_at
         offset $1 limit 1),
        now() - times.poll_first) as reached_at
    from mark
    cross join herald.protocol_times times
),
silent as (
    update herald.sms_send_attempts a
    set poll_at = now()
    from mark, window_end, herald.sms_messages m
    where a.outcome = 'accepted' and a.finished_at > mark.reached_at and a.finished_at <= window_end.reached_at
      and a.poll_at is null and m.id = a.message_id and m.last_attempt = a.attempt and m.status = any ($2)
    returning 1
),
moved as (
    update herald.watermarks w
    set reached_at = window_end.reached_at
    from mark, window_end
    where w.name = 'stale' and window_end.reached_at > mark.reached_at
)
select count(*)::integer from silent
