-- Arms sending for this database. $1 by a daemon for the first time (then nothing is doubted), $2 role
-- What is due now may have been sent from the database that this one is a copy or a successor of: it is in doubt until
-- Twilio's list says otherwise. What is due later was not due there either.
with here as materialized (select * from {here} here),
suspect as materialized (
    select q.subject_id, q.attempt, m.notification_delivery_id, m.created_at
    from herald.queue_jobs q
    join herald.sms_messages m on m.id = q.subject_id
    where not $1 and q.job_type = 'send_sms' and q.run_at <= now() and m.status in ('scheduled', 'pending')
    order by m.id
    for update
),
taken as (
    delete from herald.queue_jobs q using suspect where q.subject_id = suspect.subject_id
),
doubted as (
    update herald.sms_messages m
    set status = 'unknown', last_attempt = suspect.attempt, attempt_count = m.attempt_count + 1, twilio_sid = null,
        twilio_status = null, error_category = null, next_retry_at = null, updated_at = now()
    from suspect
    where m.id = suspect.subject_id
),
ledger as (
    insert into herald.sms_send_attempts (message_id, attempt, started_at, finished_at, outcome, reason, resolve_at)
    select suspect.subject_id, suspect.attempt,
           coalesce((select max(a.finished_at) from herald.sms_send_attempts a where a.message_id = suspect.subject_id),
                    suspect.created_at),
           now(), 'unknown', 'quarantine', now() + times.decision_wait
    from suspect
    cross join herald.protocol_times times
),
delivery as (
    update herald.notification_deliveries d
    set status = 'queued', updated_at = now()
    from suspect
    where d.id = suspect.notification_delivery_id and d.status in ('pending', 'deferred')
)
insert into herald.armings (id, armed_by, system_identifier, timeline, database_oid, reason, quarantined)
select gen_random_uuid(), $2, here.system_identifier, here.timeline, here.database_oid,
       case when $1 then 'first' else 'operator' end, (select count(*) from suspect)
from here
returning id, quarantined
