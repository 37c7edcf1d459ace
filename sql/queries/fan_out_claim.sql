-- The most urgent event that waits for its fan-out, locked until the end of the transaction. $1 queue ranks
select e.id, e.payload, e.template_id, t.message_template
from unnest($1) as rank (priority)
cross join lateral (
    select q.subject_id
    from herald.queue_jobs q
    where q.job_type = 'fan_out' and q.priority = rank.priority and q.run_at <= now()
    order by q.run_at
    limit 1
    for update skip locked
) q
join herald.notification_events e on e.id = q.subject_id
left join herald.sms_templates t on t.id = e.template_id
limit 1
