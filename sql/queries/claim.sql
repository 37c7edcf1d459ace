-- Takes up to $2 due texts for worker $1 into batch $3: the gate decides once more, bindingly, and the limits are reserved in
-- the same transaction. $4 queue ranks, most urgent first, $5 from which due time on each of them is read (NULL = the oldest;
-- before it lie the dead queue entries, see floor.rs). What comes back is durable once the transaction commits, and only then may it be sent.
-- Column 1: how many texts this claim suppressed or put off.
-- Nobody is waited for: what somebody else has locked (the job, the message, the person) is left for a later claim. Only the
-- caps are waited for, in the order of their prefixes, and whoever gives room back takes them last: no circle can arise.
-- Starting a statement costs by its size, for a few texts more than running it: parts that have nothing to do are left out
-- (if … end; see query.rs).
with
-- if breakers
{breaker},
-- else
room as materialized (select $2 as texts),
-- end breakers
rules as materialized ({rules}),
urgent as (
    select exists (select from herald.queue_jobs q
                   where q.job_type = 'send_sms' and q.priority = ($4)[1] and q.run_at <= now()) as waits
),
-- A text in eight belongs to what has waited too long, whatever its priority; a claim too small for that draws lots, and
-- leaves urgent texts alone.
share as materialized (
    select case when texts >= 8 then texts / 8 when waits then 0 else (random() < texts / 8.0)::integer end as size
    from room cross join urgent
),
aged as materialized (
    select q.*
    from unnest(($4)[2:], ($5)[2:]) as rank (priority, floor)
    cross join lateral (
        select q.subject_id, q.attempt, q.priority, q.run_at
        from herald.queue_jobs q
        where q.job_type = 'send_sms' and q.priority = rank.priority
          and q.run_at >= coalesce(rank.floor, '-infinity') and q.run_at <= now() - (select ageing from rules)
        order by q.run_at
        limit (select case when size = 0 then 0 else greatest(1, size / 3) end from share)
        for update skip locked
    ) q
    order by random()
    limit (select size from share)
),
due as materialized (
    select * from aged
    union all
    select *
    from (select q.*
          from unnest($4, $5) as rank (priority, floor)
          cross join lateral (
              select q.subject_id, q.attempt, q.priority, q.run_at
              from herald.queue_jobs q
              where q.job_type = 'send_sms' and q.priority = rank.priority
                and q.run_at >= coalesce(rank.floor, '-infinity') and q.run_at <= now()
                and q.subject_id <> all (array(select subject_id from aged))
              order by q.run_at
              limit $2
              for update skip locked
          ) q
          limit (select texts from room) - (select count(*) from aged)) rest
),
message as materialized (
    select due.attempt, due.priority as queue_rank, due.run_at, m.*
    from due
    cross join lateral (
        select m.id as message_id, m.user_id, m.notification_delivery_id as delivery_id, m.priority, m.message_content,
               m.expires_at, m.by_admin, m.phone_number as named_number, m.status,
               m.erased_at is not null as is_erased
        from herald.sms_messages m
        where m.id = due.subject_id
        limit 1
        for no key update skip locked
    ) m
),
g as materialized (
    select m.message_id, m.attempt, m.queue_rank, m.run_at, m.user_id, m.delivery_id, m.priority, m.message_content, m.expires_at,
           m.by_admin, now() as at, now() as due_at, 'sms' as channel,
           rules.prefixes, rules.minimum, rules.spread,
           p.id as person_id,
           -- Somebody has the person's row locked.
           p.id is null and not m.by_admin
               and coalesce((select bool_or(true) from herald.user_sms_preferences b where b.user_id = m.user_id), false) as is_busy,
           -- An erased text is over, whatever puts it back in line.
           coalesce(e.status = 'cancelled', false) or m.is_erased as event_cancelled,
           e.event_type, et.max_per_user_per_day as type_limit, coalesce(et.over_limit, 'defer') as over_limit,
           d.status = 'deferred' or d.channel_identifier <> p.phone_number as is_new_to_delivery,
           d.id is null or coalesce(et.is_active, false) as type_active,
           d.id is null or s.id is not null as is_subscribed,
           d.id is null or coalesce(s.is_active, false) as is_subscription_active,
           true as is_filter_met, -- what was wanted when it was emitted is wanted
           d.id is null or not coalesce(et.admin_only, false)
               or coalesce((select bool_or(r.is_admin) from herald.recipients r where r.user_id = m.user_id), false) as in_audience,
           d.id is null or coalesce(s.sms_enabled, n.sms_enabled, false) as channel_enabled,
           case when m.by_admin then m.named_number else p.phone_number end as phone_number,
           m.by_admin or coalesce(p.phone_verified, false) as phone_verified,
           case when m.by_admin
                then exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash(m.named_number))
                else coalesce(p.opted_out, false)
           end as opted_out,
           p.phone_invalid_reason,
           case when m.by_admin then now() else {open_at} end as open_at,
           {person}
    from message m
    cross join rules
    -- (An asterisk would carry every column of a table through every step.)
    -- The person's row is read as it is when it is locked, so an opt-out that was committed a moment ago counts.
    left join lateral (select p.id, p.user_id, p.phone_number, p.phone_verified, p.phone_invalid_reason, p.opted_out, p.timezone,
                              p.quiet_hours_start, p.quiet_hours_end, p.urgent_alerts, p.urgent_bypass_quiet_hours,
                              p.daily_sms_limit, p.daily_sms_count, p.daily_count_reset_at, p.daily_type_counts,
                              p.hourly_sms_count, p.hourly_count_reset_at
                       from herald.user_sms_preferences p
                       where p.user_id = m.user_id and not m.by_admin
                       limit 1 for no key update skip locked) p on true
    cross join lateral (select {zone_of_person} as zone offset 0) at_home -- looked up once
    left join lateral (select n.sms_enabled, n.max_per_day, n.max_per_hour from herald.user_notification_preferences n
                       where n.user_id = m.user_id and not m.by_admin limit 1) n on true
    left join lateral (select d.id, d.event_id, d.status, d.channel_identifier from herald.notification_deliveries d
                       where d.id = m.delivery_id limit 1) d on true
    left join lateral (select e.status, e.event_type from herald.notification_events e where e.id = d.event_id limit 1) e on true
    left join herald.notification_event_types et on et.event_type = e.event_type
    left join lateral (select s.id, s.is_active, s.sms_enabled from herald.notification_subscriptions s
                       where s.event_type = e.event_type and s.user_id = m.user_id limit 1) s on true
    -- Only what still waits may go: a callback may have proven that Twilio has the text already.
    where m.status in ('scheduled', 'pending')
),
-- if caps
cap as materialized (
    select c.prefix, c.max_per_day, case when c.day = (now() at time zone 'UTC')::date then c.used else 0 end as used
    from herald.sms_caps c
    where exists (select from g)
    order by c.prefix
    for no key update
),
-- end caps
-- From here on a row holds what is still needed and no more: it goes through every step of the limits.
gated as materialized (
    select g.message_id, g.attempt, g.user_id, g.delivery_id, g.priority, g.expires_at, g.by_admin, g.at, g.channel,
           g.minimum, g.spread, g.person_id, g.event_type, g.type_limit, g.over_limit, g.phone_number, g.open_at,
           g.daily_sms_count, g.daily_count_reset_at, g.daily_type_counts, g.hourly_sms_count, g.hourly_count_reset_at,
           g.day_limit, g.hour_limit, g.quiet_hours_start, g.quiet_hours_end, g.is_open, g.zone,
           g.message_content, g.queue_rank, g.run_at, g.is_new_to_delivery,
           row_number() over (order by queue_rank, run_at, message_id) as place, {gate} as reason
    from g
    where not is_busy
),
-- A country whose breaker is open keeps its texts waiting, but for the one that is tried when its pause is over.
wanted as (
    -- if breakers
    select gated.*, b.id as breaker_id,
           case
               when gated.reason is not null or gated.open_at > gated.at then null
               when b.state = 'waiting' then b.resume_at
               when b.state = 'trying'
                    and row_number() over (partition by b.id, gated.reason, gated.open_at > gated.at order by gated.place) > 1
                   then b.next_resume_at
           end as paused_until
    from gated
    left join lateral (
        select * from breaker
        where breaker.scope = 'country' and breaker.state <> 'over'
          and breaker.key = {ext}.herald_country_key(gated.phone_number)
    ) b on true
    -- else
    select gated.*, null::uuid as breaker_id, null::timestamptz as paused_until
    from gated
    -- end breakers
),
{limits},
going as materialized (
    select message_id, attempt, place, queue_rank, run_at, phone_number, message_content, priority, person_id, event_type, type_limit, type_used,
           is_day, is_hour, day_used, hour_used, country, breaker_id,
           least(expires_at, case when is_open then 'infinity'
                                  else {ext}.herald_closes_at(at, quiet_hours_start, quiet_hours_end, zone) end) as too_late_at
    from verdict
    where goes
),
-- All but what a breaker holds up, of which nothing is noted. A delivery that says the right thing is not written. Few columns: an update carries whole rows of what it joins.
-- Through arrays, which the planner takes for ten rows: for one row, as which it sees a claim, it compares each with each.
settled as materialized (
    select *
    from unnest(array(select message_id from verdict where is_noted),
                array(select case when not goes or is_new_to_delivery then delivery_id end from verdict where is_noted),
                array(select attempt from verdict where is_noted), array(select phone_number from verdict where is_noted),
                array(select goes from verdict where is_noted), array(select suppress_reason from verdict where is_noted),
                array(select defer_reason from verdict where is_noted), array(select until from verdict where is_noted))
         as s (message_id, delivery_id, attempt, phone_number, goes, suppress_reason, defer_reason, until)
),
-- What becomes of each job: it is over, it waits until then, or it is tried again shortly because somebody has a lock on it.
outcome as materialized (
    select due.subject_id,
           case
               when m.message_id is null then (select count(*) from herald.sms_messages x where x.id = due.subject_id) = 0
               when m.status not in ('scheduled', 'pending') then true
               else v.message_id is not null and v.defer_reason is null and v.paused_until is null
           end as is_over,
           case when v.defer_reason is not null then v.until
                else coalesce(v.paused_until, now() + interval '250 milliseconds') end as run_at
    from due
    left join message m on m.message_id = due.subject_id
    left join verdict v on v.message_id = due.subject_id
),
-- "= any (array(...))" below, and no sequential scan (see the function): whatever the planner thinks of the size of a claim
-- or of a table, it goes through the primary keys.
taken as (
    delete from herald.queue_jobs q
    where q.subject_id = any (array(select subject_id from outcome where is_over))
),
put_off as (
    update herald.queue_jobs q
    set run_at = outcome.run_at, wakes = false
    from outcome
    where q.subject_id = any (array(select subject_id from outcome where not is_over)) and outcome.subject_id = q.subject_id
),
written as (
    update herald.sms_messages m
    set status = case when v.suppress_reason is not null then 'cancelled' when v.defer_reason is not null then 'scheduled'
                      else 'queued' end,
        phone_number = case when v.goes then v.phone_number else m.phone_number end,
        batch_id = case when v.goes then $3 end,
        last_attempt = case when v.goes then v.attempt else m.last_attempt end,
        twilio_sid = case when not v.goes then m.twilio_sid end,
        twilio_status = case when not v.goes then m.twilio_status end,
        twilio_error_code = case when not v.goes then m.twilio_error_code end,
        twilio_error_message = case when not v.goes then m.twilio_error_message end,
        error_category = case when not v.goes then m.error_category end,
        next_retry_at = null,
        cancel_reason = coalesce(v.suppress_reason, m.cancel_reason),
        defer_reason = coalesce(v.defer_reason, m.defer_reason),
        deferred_until = case when v.defer_reason is null then m.deferred_until else v.until end,
        updated_at = now()
    from settled v
    where m.id = any (array(select message_id from settled)) and v.message_id = m.id
),
delivery as (
    update herald.notification_deliveries d
    set status = case when v.suppress_reason is not null then 'suppressed' when v.defer_reason is not null then 'deferred'
                      else 'pending' end,
        suppress_reason = v.suppress_reason,
        channel_identifier = coalesce(v.phone_number, d.channel_identifier),
        defer_reason = coalesce(v.defer_reason, d.defer_reason),
        deferred_until = case when v.defer_reason is null then d.deferred_until else v.until end,
        updated_at = now()
    from settled v
    where d.id = any (array(select delivery_id from settled)) and v.delivery_id = d.id
      -- (The coalesce hides from the planner how few it would be, for the same reason.)
      and coalesce(d.status in ('pending', 'deferred'), false)
),
used as materialized (
    select person_id, is_day, is_hour, day_used, hour_used, count(*)::integer as texts,
           -- if types
           case when bool_or(type_limit is not null) then
               (select jsonb_object_agg(event_type, texts)
                from (select t.event_type, t.type_used + count(*) as texts from going t
                      where t.person_id = going.person_id and t.type_limit is not null
                      group by t.event_type, t.type_used) by_type)
           else '{}' end as types
           -- else
           '{}'::jsonb as types
           -- end types
    from going
    where person_id is not null
    group by person_id, is_day, is_hour, day_used, hour_used
),
reserved as (
    update herald.user_sms_preferences p
    set daily_sms_count = used.day_used + used.texts,
        daily_count_reset_at = case when used.is_day then p.daily_count_reset_at else now() end,
        daily_type_counts = case when used.is_day then p.daily_type_counts else '{}' end || used.types,
        hourly_sms_count = used.hour_used + used.texts,
        hourly_count_reset_at = case when used.is_hour then p.hourly_count_reset_at else now() end
    from unnest(array(select person_id from used), array(select is_day from used), array(select is_hour from used),
                array(select day_used from used), array(select hour_used from used), array(select texts from used),
                array(select types from used)) as used (person_id, is_day, is_hour, day_used, hour_used, texts, types)
    where p.id = any (array(select person_id from used)) and used.person_id = p.id
),
-- if caps
capped as (
    update herald.sms_caps c
    set day = (now() at time zone 'UTC')::date, used = cap.used + taken.texts
    from (select prefix, count(*)::integer as texts
          from (select country as prefix from going union all select '+' from going) each
          group by prefix) taken
    join cap using (prefix)
    where c.prefix = taken.prefix
),
-- end caps
-- if breakers
tried as (
    update herald.breakers b
    set probed_at = now(), resume_at = breaker.next_resume_at
    from breaker
    where b.id = breaker.id and breaker.state = 'trying'
      and exists (select from going where breaker.scope <> 'country' or going.breaker_id = breaker.id)
),
-- end breakers
batch as (
    insert into herald.dispatch_batches (id, worker, lease_until, message_ids, open_messages)
    select $3, $1, now() + make_interval(secs => (value #>> '{}')::integer), ids, cardinality(ids)
    from herald.settings,
         (select array_agg(message_id order by place) as ids from going) as going_ids
    where name = 'lease_seconds' and ids is not null
    returning id, lease_until
)
select settled.texts, batch.id, going.message_id, going.attempt, going.phone_number, going.message_content, going.priority,
       {validity} as validity_seconds,
       batch.lease_until, going.queue_rank, going.run_at
-- One row always, without a text if none goes: how many were settled otherwise says whether to go on claiming.
from (select count(*) filter (where not goes) as texts from settled) settled
left join (batch cross join going) on true
order by going.place
