-- The next chunk of recipients of a deferred event.
-- $1 event, $2 body, $3 encoding, $4 segments, $5 wake the daemons, $6 chunk size, $7 to $11 other languages, and their
-- bodies, encodings, segments and templates, $12/$13 title and link inside the application
with source as (
    select e.id as event_id, e.event_type, e.payload, e.correlation_id, e.priority, q.priority as queue_rank,
           e.scheduled_for, e.expires_at, e.template_id, e.fan_out_cursor, e.target_user_id,
           $2::text as body, $3::text as encoding, $4::smallint as segments,
           $7::text[] as locales, $8::text[] as bodies, $9::text[] as encodings, $10::smallint[] as segment_counts,
           $11::uuid[] as template_ids, $12::text as title, $13::text as action_url,
           coalesce(et.default_channels, '{sms}') as channels, coalesce(et.is_active, false) as type_active,
           coalesce(et.admin_only, false) as admin_only, $5::boolean as wakes, rules.prefixes, rules.spread, rules.minimum,
           greatest(now(), e.scheduled_for) as due_at
    from herald.notification_events e
    join herald.queue_jobs q on q.subject_id = e.id
    left join herald.notification_event_types et on et.event_type = e.event_type
    cross join ({rules}) rules
    where e.id = $1 and e.status = 'fanning_out'
),
{decide},
{fan_out},
served as (
    select count(distinct user_id) as recipients, count(*)::integer as deliveries,
           (select user_id from decided order by user_id desc limit 1) as last_user
    from decided
),
progress as (
    update herald.notification_events e
    set fan_out_cursor = coalesce(served.last_user, e.fan_out_cursor),
        fan_out_count = e.fan_out_count + served.deliveries,
        status = case when served.recipients < $6 then 'fanned_out' else e.status end
    from served
    where e.id = $1 and e.status = 'fanning_out'
    returning e.status = 'fanned_out' as done
),
finished as (
    delete from herald.queue_jobs q using progress where q.subject_id = $1 and progress.done
)
select served.deliveries, progress.done from served cross join progress
