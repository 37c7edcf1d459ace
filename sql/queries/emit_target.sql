-- One event for one user, or what follows from it on one channel; the parts that are not wanted are left out, and what is
-- left is a chain of plain inserts without a scan. The parts for channel and reason are constants where they are known, so
-- that whatever depends on them is settled when the plan is made.
-- $1 to $13 the event, $14 template, $15 status, $16 problems, $17 to $19 text, $20 wake the daemons, $21 when it is due,
-- $22/$23 title and link inside the application; what was decided: $24 subscription, $25 channel, $26 number,
-- $27 from when on, $28 reason, $29/$30 ids of delivery and text; $31 the text's template
with source as not materialized (
    select $1::uuid as event_id, $2::text as event_type, $3::text as event_source, $4::uuid as actor_user_id,
           $5::uuid as target_user_id, $6::jsonb as payload, $7::jsonb as metadata,
           $8::uuid as correlation_id, $9::text as dedup_key, $10::text as priority, $11::smallint as queue_rank,
           $12::timestamptz as scheduled_for, $13::timestamptz as expires_at, $14::uuid as template_id,
           $15::text as status, $16::text[] as problems, $17::text as body, $18::text as encoding,
           $19::smallint as segments, $20::boolean as wakes, $21::timestamptz as due_at,
           $22::text as title, $23::text as action_url,
           -- The user's language is chosen already.
           null::text[] as bodies, null::text[] as encodings, null::smallint[] as segment_counts
),
decided as not materialized (
    select $5::uuid as user_id, $24::uuid as subscription_id, {channel}::text as channel, $26::text as phone_number,
           $27::timestamptz as open_at, {reason}::text as reason, $29::uuid as delivery_id, $30::uuid as message_id,
           1 as variant
)
{writes}
