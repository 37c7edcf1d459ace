-- What was due when sending was armed anew may have been sent from elsewhere: it is in doubt until Twilio's list says otherwise.
-- Reads "suspect".
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
                    suspect.made_at),
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
