-- An event that waits for its fan-out, under the names that the fan-out reads; for the arguments see fan_out_chunk.sql. It is
-- locked: nobody deletes or stops it while it is fanned out.
source as (
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
    for no key update of e
)
