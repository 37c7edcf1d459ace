-- The most urgent event that waits for its fan-out, locked until the end of the transaction. $1 queue ranks
select q.id, q.payload, q.template_id, t.message_template
from unnest($1) as rank (priority)
cross join lateral (
    -- A row whose event was deleted is passed over: it must not hold up the others.
    select e.id, e.payload, e.template_id
    from herald.queue_jobs q
    join herald.notification_events e on e.id = q.subject_id
    where q.job_type = 'fan_out' and q.priority = rank.priority and q.run_at <= now()
    order by q.run_at
    limit 1
    for update of q skip locked
) q
left join herald.sms_templates t on t.id = q.template_id
limit 1
