-- Notes how far the fan-out of an event has come. $1 event, $2 the last recipient, $3 deliveries, $4 whether that were all.
-- No row: somebody has stopped it.
with progress as (
    update herald.notification_events e
    set fan_out_cursor = coalesce($2, e.fan_out_cursor), fan_out_count = e.fan_out_count + $3,
        status = case when $4 then 'fanned_out' else e.status end
    where e.id = $1 and e.status = 'fanning_out'
    returning e.id
),
finished as (
    delete from herald.queue_jobs q using progress where $4 and q.subject_id = progress.id
)
select id from progress
