-- The most urgent event that waits for its fan-out, locked until the end of the transaction. $1 queue ranks
with orphan as (
    -- Its event was deleted: nothing is left to do, and nobody shall be woken for it again.
    delete from herald.queue_jobs q
    where q.job_type = 'fan_out' and q.run_at <= now()
      -- One look by key for each, where "not exists" may become a join that reads all events.
      and (select count(*) from herald.notification_events e where e.id = q.subject_id) = 0
)
select q.id, q.payload::text, t.message_template, t.max_length, q.target_user_id, t.template_key::text,
       greatest(q.created_at, t.created_at) as made_at,
       -- It was due when sending was armed anew: it may have been fanned out elsewhere.
       exists (select from herald.armings a where a.reason = 'operator' and a.armed_at >= q.run_at) as is_suspect,
       q.fan_out_cursor, q.event_type, q.correlation_id, q.priority, q.scheduled_for, q.expires_at, q.template_id
from unnest($1) as rank (priority)
cross join lateral (
    select e.id, e.payload, e.template_id, e.target_user_id, e.created_at, e.fan_out_cursor, q.run_at,
           e.event_type, e.correlation_id, e.priority, e.scheduled_for, e.expires_at
    from herald.queue_jobs q
    join herald.notification_events e on e.id = q.subject_id
    where q.job_type = 'fan_out' and q.priority = rank.priority and q.run_at <= now()
    order by q.run_at
    limit 1
    for update of q skip locked
) q
left join herald.sms_templates t on t.id = q.template_id
limit 1
