-- What was due when sending was armed anew may have been sent from elsewhere: it is in doubt until Twilio's list says otherwise.
-- It counts against the limits as a claimed one does, until it is known not to have gone: the count that its claim made may be
-- lost as well. Reads "suspect".
taken as (
    delete from herald.queue_jobs q using suspect where q.subject_id = suspect.subject_id
),
doubted as (
    update herald.sms_messages m
    set status = 'unknown', last_attempt = suspect.attempt, attempt_count = m.attempt_count + 1, twilio_sid = null,
        twilio_status = null, error_category = null, next_retry_at = null, updated_at = now()
    from suspect
    where m.id = suspect.subject_id
),
ledger as (
    insert into herald.sms_send_attempts (message_id, attempt, started_at, finished_at, outcome, reason, resolve_at)
    select suspect.subject_id, suspect.attempt,
           coalesce((select max(a.finished_at) from herald.sms_send_attempts a where a.message_id = suspect.subject_id),
                    suspect.made_at),
           now(), 'unknown', 'quarantine', now() + times.decision_wait
    from suspect
    cross join herald.protocol_times times
),
delivery as (
    update herald.notification_deliveries d
    set status = 'queued', updated_at = now()
    from suspect
    where d.id = suspect.notification_delivery_id and d.status in ('pending', 'deferred')
),
counted as materialized (
    select p.id, p.user_id, p.daily_type_counts, mine.texts,
           coalesce({ext}.herald_day_start(p.daily_count_reset_at, zone.name, 0) = {ext}.herald_day_start(now(), zone.name, 0), false) as is_day,
           coalesce(date_trunc('hour', p.hourly_count_reset_at, 'UTC') = date_trunc('hour', now(), 'UTC'), false) as is_hour
    from (select user_id, count(*)::integer as texts from suspect where not by_admin group by user_id) mine
    join herald.user_sms_preferences p on p.user_id = mine.user_id
    cross join lateral (select {zone} as name) zone
    order by p.id
    for no key update of p
),
by_type as (
    select counted.id,
           jsonb_object_agg(mine.event_type,
               mine.texts + case when is_day then coalesce((daily_type_counts ->> mine.event_type)::integer, 0) else 0 end) as types
    from (select suspect.user_id, e.event_type, count(*)::integer as texts
          from suspect
          join herald.notification_deliveries d on d.id = suspect.notification_delivery_id
          join herald.notification_events e on e.id = d.event_id
          join herald.notification_event_types et on et.event_type = e.event_type
          where not suspect.by_admin and et.max_per_user_per_day is not null
          group by suspect.user_id, e.event_type) mine
    join counted on counted.user_id = mine.user_id
    group by counted.id
),
reserved as (
    update herald.user_sms_preferences p
    set daily_sms_count = case when is_day then p.daily_sms_count else 0 end + counted.texts,
        daily_count_reset_at = case when is_day then p.daily_count_reset_at else now() end,
        daily_type_counts = case when is_day then p.daily_type_counts else '{}' end || coalesce(by_type.types, '{}'),
        hourly_sms_count = case when is_hour then p.hourly_sms_count else 0 end + counted.texts,
        hourly_count_reset_at = case when is_hour then p.hourly_count_reset_at else now() end
    from counted
    left join by_type on by_type.id = counted.id
    where p.id = counted.id
    returning p.id
),
cap as materialized (
    select c.prefix, case when c.day = (now() at time zone 'UTC')::date then c.used else 0 end as used
    from herald.sms_caps c
    where exists (select from suspect) and (select count(*) from reserved) >= 0
    order by c.prefix
    for no key update
),
capped as (
    update herald.sms_caps c
    set day = (now() at time zone 'UTC')::date, used = cap.used + mine.texts
    from cap
    join (select prefix, count(*)::integer as texts
          from (select '+' as prefix from suspect
                union all
                select (select longest.prefix from cap longest
                        where longest.prefix <> '+' and suspect.phone_number ^@ longest.prefix
                        order by length(longest.prefix) desc limit 1)
                from suspect) each
          group by prefix) mine on mine.prefix = cap.prefix
    where c.prefix = cap.prefix
)
