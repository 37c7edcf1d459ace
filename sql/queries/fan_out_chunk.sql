-- The next chunk of recipients of a deferred event, with everything that follows from it.
-- $1 event, $2 body, $3 encoding, $4 segments, $5 wake the daemons, $6 chunk size, $7 to $11 other languages, and their
-- bodies, encodings, segments and templates, $12/$13 title and link inside the application
with {source},
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
