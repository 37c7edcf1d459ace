-- Takes attempts in doubt that are due to be looked for in Twilio's list: up to $1 of them, and all others to the same numbers
-- that can be decided, so that equal texts are told apart by counting. $2 id of this claim
-- Comes with what else is on its way to these numbers (settle = false): what Twilio has may be that one's.
-- What was in doubt when sending was armed anew may have been sent up to then.
with times as materialized (
    select *, (select max(armed_at) from herald.armings where reason = 'operator') as armed_at from herald.protocol_times
),
-- All that is in doubt, with its number.
doubtful as materialized (
    select a.message_id, a.attempt, a.started_at, a.finished_at, m.phone_number
    from herald.sms_send_attempts a
    cross join lateral (select m.phone_number from herald.sms_messages m where m.id = a.message_id limit 1) m
    where a.resolve_at is not null
),
first as materialized (
    select a.message_id, m.phone_number
    from herald.sms_send_attempts a
    cross join lateral (select m.phone_number from herald.sms_messages m where m.id = a.message_id limit 1) m
    where a.resolve_at <= now()
    order by a.resolve_at
    limit $1
    for update of a skip locked
),
due as materialized (
    select a.message_id, a.attempt
    from doubtful
    join herald.sms_send_attempts a on a.message_id = doubtful.message_id and a.attempt = doubtful.attempt
    cross join times
    where doubtful.phone_number = any (array(select phone_number from first))
      -- Those that were looked for before and wait for their next look come along: looked at one by one, equal texts would
      -- stay each other's reason for doubt.
      and (a.resolve_at <= now()
           or a.resolve_at is not null and a.resolve_claim is null
              and greatest(a.finished_at, times.armed_at) + times.decision_wait <= now())
    for update of a skip locked
),
claimed as (
    update herald.sms_send_attempts a
    -- Whoever does not come back in this time has lost the claim.
    set resolve_claim = $2, resolve_claimed_at = now(), resolve_at = now() + interval '2 minutes'
    from due
    where a.message_id = due.message_id and a.attempt = due.attempt
    returning a.message_id, a.attempt
),
doubt as (
    select d.message_id, d.attempt, d.started_at, d.finished_at, claimed.message_id is not null as settle
    from doubtful d
    left join claimed on claimed.message_id = d.message_id and claimed.attempt = d.attempt
    where d.phone_number = any (array(select phone_number from first))
    union all
    select m.id, m.last_attempt, b.claimed_at, now(), false
    from herald.dispatch_batches b
    cross join lateral unnest(b.message_ids) as member (id)
    cross join lateral (select * from herald.sms_messages m where m.id = member.id and m.batch_id = b.id limit 1) m
    where m.phone_number = any (array(select phone_number from first))
)
select doubt.message_id, doubt.attempt, m.phone_number as to_number, m.message_content as body,
       doubt.started_at - times.clock_skew as accepted_from,
       least(now(), greatest(doubt.finished_at, times.armed_at) + times.late_acceptance + times.clock_skew) as accepted_until,
       -- Twilio lists what it refused as well.
       (select count(*)::integer from herald.sms_send_attempts earlier
        where earlier.message_id = doubt.message_id and earlier.attempt < doubt.attempt
          and earlier.outcome in ('rejected', 'not_sent') and earlier.http_status between 400 and 499
          and earlier.finished_at >= doubt.started_at - times.clock_skew) as refused_before,
       doubt.settle
from doubt
join herald.sms_messages m on m.id = doubt.message_id
cross join times
-- Nothing was claimed here: somebody else is looking.
where exists (select from claimed)
order by m.phone_number, doubt.started_at, doubt.message_id
