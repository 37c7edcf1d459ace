-- Arms sending for this database. $1 by a daemon for the first time (then nothing is doubted), $2 role
-- What is due now may have been sent from the database that this one is a copy or a successor of: it is in doubt until
-- Twilio's list says otherwise. What is due later was not due there either, unless it is a retry: those can be hurried.
with here as materialized (select * from {here} here),
suspect as materialized (
    select q.subject_id, q.attempt, m.notification_delivery_id, m.user_id, m.by_admin, m.phone_number, m.created_at as made_at
    from herald.queue_jobs q
    join herald.sms_messages m on m.id = q.subject_id
    where not $1 and q.job_type = 'send_sms' and (q.run_at <= now() or q.attempt > 1) and m.status in ('scheduled', 'pending')
    order by m.id
    for update
),
-- What was in doubt already may have been settled there, and sent again: it is looked for again, up to now.
doubt as (
    update herald.sms_send_attempts a
    set resolve_at = now() + times.decision_wait, absent_at = null, resolve_claim = null
    from herald.protocol_times times
    where not $1 and a.resolve_at is not null
),
{quarantine}
insert into herald.armings (id, armed_by, system_identifier, timeline, database_oid, reason, quarantined)
select gen_random_uuid(), $2, here.system_identifier, here.timeline, here.database_oid,
       case when $1 then 'first' else 'operator' end, (select count(*) from suspect)
from here
returning id, quarantined
