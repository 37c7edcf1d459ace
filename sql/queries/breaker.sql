-- The open breakers, as a claim of up to $2 texts finds them. Part of claim.sql. "breaker" says of each whether its pause
-- lasts (waiting), is over so that this claim may try one text (trying), or ended with a try that did not fail (over);
-- "room" is how many texts may be claimed at all. All of it is empty as long as nothing is out of order.
turn as materialized (
    select b.id from herald.breakers b where b.closed_at is null and b.resume_at <= now() for update skip locked
),
breaker as materialized (
    select b.id, b.scope, b.key, b.resume_at, now() + make_interval(secs => b.pause_seconds) as next_resume_at,
           case when turn.id is null then 'waiting' when b.probed_at > b.attempt_at then 'over' else 'trying' end as state
    from herald.breakers b
    left join turn on turn.id = b.id
    where b.closed_at is null
),
room as materialized (
    select case when bool_or(state = 'waiting') then 0 when bool_or(state = 'trying') then 1 else $2 end as texts
    from breaker
    where scope in ('account', 'sender')
),
ended as (
    update herald.breakers b set closed_at = now(), closed_by = 'probe'
    from breaker where b.id = breaker.id and breaker.state = 'over'
)
