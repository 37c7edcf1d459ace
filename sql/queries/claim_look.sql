-- What is due, up to two texts, with locks as in claim.sql: one that is due alone is claimed in a shorter way. Nobody is waited
-- for; what somebody else has locked, has settled already, or is not for a person is NULL here. $1 queue ranks, most urgent
-- first, $2 from which due time on each of them is read (NULL = the oldest).
select q.subject_id, q.attempt, q.priority as queue_rank, q.run_at,
       m.user_id, m.notification_delivery_id, m.priority, m.message_content, m.expires_at,
       p.id as person_id, {zone} as zone,
       p.daily_sms_limit, p.daily_sms_count, p.daily_count_reset_at, p.hourly_sms_count, p.hourly_count_reset_at
from (select q.*
      from unnest($1, $2) as rank (priority, floor)
      cross join lateral (
          select q.subject_id, q.attempt, q.priority, q.run_at
          from herald.queue_jobs q
          where q.job_type = 'send_sms' and q.priority = rank.priority
            and q.run_at >= coalesce(rank.floor, '-infinity') and q.run_at <= now()
          order by q.run_at
          limit 2
          for update skip locked
      ) q
      limit 2) q
left join lateral (
    select m.user_id, m.notification_delivery_id, m.priority, m.message_content, m.expires_at
    from herald.sms_messages m
    where m.id = q.subject_id and m.status in ('scheduled', 'pending') and not m.by_admin and m.erased_at is null
    limit 1
    for no key update skip locked
) m on true
left join lateral (
    select p.id, p.user_id, p.timezone,
           p.daily_sms_limit, p.daily_sms_count, p.daily_count_reset_at, p.hourly_sms_count, p.hourly_count_reset_at
    from herald.user_sms_preferences p
    where p.user_id = m.user_id
    limit 1
    for no key update skip locked
) p on true
