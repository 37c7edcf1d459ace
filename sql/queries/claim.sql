-- Takes up to $2 due texts for worker $1 into batch $3: the gate decides once more, bindingly, in the same transaction.
-- $4 queue ranks, most urgent first. What comes back is durable once the transaction commits, and only then may it be sent.
with {breaker},
due as materialized (
    select q.subject_id, q.attempt, q.priority, q.run_at
    from unnest($4) as rank (priority)
    cross join lateral (
        select q.subject_id, q.attempt, q.priority, q.run_at
        from herald.queue_jobs q
        where q.job_type = 'send_sms' and q.priority = rank.priority and q.run_at <= now()
        order by q.run_at
        limit $2
        for update skip locked
    ) q
    limit (select texts from room)
),
g as materialized (
    select m.id as message_id, m.notification_delivery_id as delivery_id, m.priority, m.message_content,
           due.attempt, due.priority as queue_rank, due.run_at, now() as due_at, m.expires_at,
           'sms' as channel,
           -- An erased text is over, whatever puts it back in line.
           coalesce(e.status = 'cancelled', false) or m.erased_at is not null as event_cancelled,
           d.id is null or coalesce(et.is_active, false) as type_active,
           d.id is null or coalesce(s.is_active, false) as subscribed,
           d.id is null or not coalesce(et.admin_only, false)
               or coalesce((select bool_or(r.is_admin) from herald.recipients r where r.user_id = m.user_id), false) as in_audience,
           d.id is null or coalesce(s.sms_enabled, n.sms_enabled, false) as channel_enabled,
           case when m.by_admin then m.phone_number else p.phone_number end as phone_number,
           m.by_admin or coalesce(p.phone_verified, false) as phone_verified,
           case when m.by_admin
                then exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash(m.phone_number))
                else coalesce(p.opted_out, false)
           end as opted_out,
           p.phone_invalid_reason
    from due
    join herald.sms_messages m on m.id = due.subject_id
    left join herald.notification_deliveries d on d.id = m.notification_delivery_id
    left join herald.notification_events e on e.id = d.event_id
    left join herald.notification_event_types et on et.event_type = e.event_type
    left join herald.notification_subscriptions s on s.event_type = e.event_type and s.user_id = m.user_id
    left join herald.user_notification_preferences n on n.user_id = m.user_id
    left join herald.user_sms_preferences p on p.user_id = m.user_id
),
gated as materialized (
    select g.*, {gate} as reason from g
),
-- A country whose breaker is open keeps its texts waiting, but for the one that is tried when its pause is over.
decided as materialized (
    select gated.*, b.id as breaker_id,
           case
               when gated.reason is not null then null
               when b.state = 'waiting' then b.resume_at
               when b.state = 'trying' and row_number() over (partition by b.id, gated.reason order by gated.queue_rank, gated.run_at) > 1
                   then b.next_resume_at
           end as paused_until
    from gated
    left join lateral (
        select * from breaker
        where breaker.scope = 'country' and breaker.state <> 'over'
          and breaker.key = {ext}.herald_country_key(gated.phone_number)
    ) b on true
),
taken as (
    delete from herald.queue_jobs q using due
    where q.subject_id = due.subject_id
      and not exists (select from decided where decided.message_id = due.subject_id and decided.paused_until is not null)
),
postponed as (
    update herald.queue_jobs q set run_at = decided.paused_until
    from decided where q.subject_id = decided.message_id and decided.paused_until is not null
),
going as (
    update herald.sms_messages m
    set status = 'queued', phone_number = decided.phone_number, batch_id = $3, last_attempt = decided.attempt,
        twilio_sid = null, twilio_status = null, twilio_error_code = null, twilio_error_message = null,
        error_category = null, next_retry_at = null, updated_at = now()
    from decided
    where m.id = decided.message_id and decided.reason is null and decided.paused_until is null
      -- Only what still waits may go: a callback may have proven that Twilio has the text already.
      and m.status in ('scheduled', 'pending')
    returning m.id
),
stopped as (
    update herald.sms_messages m
    set status = 'cancelled', cancel_reason = decided.reason, updated_at = now()
    from decided
    where m.id = decided.message_id and decided.reason is not null and m.status in ('scheduled', 'pending')
),
delivery as (
    update herald.notification_deliveries d
    set status = case when decided.reason is null then 'queued' else 'suppressed' end,
        suppress_reason = decided.reason,
        channel_identifier = coalesce(decided.phone_number, d.channel_identifier),
        updated_at = now()
    from decided
    where d.id = decided.delivery_id and d.status in ('pending', 'deferred') and decided.paused_until is null
),
tried as (
    update herald.breakers b
    set probed_at = now(), resume_at = breaker.next_resume_at
    from breaker
    where b.id = breaker.id and breaker.state = 'trying'
      and exists (select from going join decided on decided.message_id = going.id
                  where breaker.scope <> 'country' or decided.breaker_id = breaker.id)
),
batch as (
    insert into herald.dispatch_batches (id, worker, lease_until, message_ids, open_messages)
    select $3, $1, now() + make_interval(secs => (value #>> '{}')::integer), ids, cardinality(ids)
    from herald.settings,
         (select array_agg(id) as ids from going) as going_ids
    where name = 'lease_seconds' and ids is not null
    returning id, lease_until
)
select batch.id, decided.message_id, decided.attempt, decided.phone_number, decided.message_content, decided.priority,
       -- Twilio's own queue may not release the text after it has expired (ValidityPeriod is 1 to 36,000 seconds).
       case when isfinite(decided.expires_at)
            then least(36000, greatest(1, extract(epoch from decided.expires_at - now())))::integer
       end as validity_seconds,
       batch.lease_until
from going
join decided on decided.message_id = going.id
cross join batch
order by decided.queue_rank, decided.run_at
