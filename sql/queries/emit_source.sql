-- The arguments of emit and of explain under their names; {now} is when it happens.
source as not materialized (
    select $1::uuid as event_id, $2::text as event_type, $3::text as event_source, $4::uuid as actor_user_id,
           $5::uuid as target_user_id, coalesce($6::jsonb, '{}') as payload, coalesce($7::jsonb, '{}') as metadata,
           $8::uuid as correlation_id, $9::text as dedup_key, $10::text as priority, $11::smallint as queue_rank,
           $12::timestamptz as scheduled_for, $14::uuid as template_id,
           coalesce($13::timestamptz, greatest({now}, $12::timestamptz) + $24::interval) as expires_at,
           $15::text as status, $16::text[] as problems, $17::text as body, $18::text as encoding,
           $19::smallint as segments, $20::text[] as channels, $21::boolean as type_active,
           $22::boolean as admin_only, $23::boolean as wakes,
           $25::text[] as prefixes, $26::integer as spread, $27::integer as minimum,
           $28::text[] as locales, $29::text[] as bodies, $30::text[] as encodings, $31::smallint[] as segment_counts,
           $32::uuid[] as template_ids, $33::text as title, $34::text as action_url,
           greatest({now}, $12::timestamptz) as due_at
)
