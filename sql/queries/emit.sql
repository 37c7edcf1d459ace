-- One event with everything that follows from it, in one statement. No row comes back when a concurrent transaction
-- has just used the same dedup key.
with input as (
    select $1::uuid as event_id, $2::text as event_type, $3::text as event_source, $4::uuid as actor_user_id,
           $5::uuid as target_user_id, coalesce($6::jsonb, '{}') as payload, coalesce($7::jsonb, '{}') as metadata, $8::uuid as correlation_id,
           $9::text as dedup_key, $10::text as priority, $11::smallint as queue_rank,
           $12::timestamptz as scheduled_for, $14::uuid as template_id,
           coalesce($13::timestamptz, greatest(now(), $12::timestamptz) + $24::interval) as expires_at,
           $15::text as status, $16::text[] as problems, $17::text as body, $18::text as encoding,
           $19::smallint as segments, $20::text[] as channels, $21::boolean as type_active,
           $22::boolean as admin_only, $23::boolean as wakes,
           greatest(now(), $12::timestamptz) as due_at
),
event as (
    insert into herald.notification_events
        (id, event_type, event_source, actor_user_id, target_user_id, payload, metadata, correlation_id, dedup_key,
         priority, scheduled_for, expires_at, template_id, status, problems)
    select event_id, event_type, event_source, actor_user_id, target_user_id, payload, metadata, correlation_id,
           dedup_key, priority, scheduled_for, expires_at, template_id, status, problems
    from input
    {on_conflict}
    returning id
),
fan_out_job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select input.event_id, 'fan_out', input.queue_rank, now(), input.wakes
    from input join event on event.id = input.event_id
    where input.status = 'fanning_out'
),
source as (
    select input.* from input join event on event.id = input.event_id where input.status = 'fanned_out'
),
{fan_out}
select id from event
