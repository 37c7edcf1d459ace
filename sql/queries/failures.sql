-- Texts that Twilio had accepted and that failed: the catalogue decides whether they go back in line for another attempt.
-- $1 messages whose status has just become failed or undelivered, $2/$3 names and queue ranks of the priorities.
-- A text that is still in a batch waits for its result first, and complete.sql comes here again; what the failure says
-- about number, sender or account counts at once, and once: the claim has taken error_category away.
with message as materialized (
    select m.id, m.user_id, m.phone_number, m.priority, m.last_attempt, m.attempt_count, m.max_attempts, m.expires_at,
           m.twilio_sid, m.twilio_error_code, m.notification_delivery_id, m.batch_id is not null as is_held,
           m.error_category is null as is_news
    from herald.sms_messages m
    where m.id = any ($1) and m.status in ('failed', 'undelivered') and m.twilio_sid is not null
    order by m.id
    for no key update
),
failing as materialized (
    select m.id as message_id, m.user_id, m.phone_number, m.last_attempt as attempt, 'callback' as surface,
           null::integer as http_status, m.twilio_error_code as error_code, true as is_refused,
           greatest(m.attempt_count - (not m.is_held)::integer, 0) as attempts_before, m.max_attempts, m.expires_at,
           coalesce(a.started_at, now()) as attempt_at, c.sender, m.twilio_sid as sid,
           null::text as reason, null::integer as retry_after_seconds, m.is_held, m.is_news
    from message m
    left join herald.sms_send_attempts a on a.message_id = m.id and a.attempt = m.last_attempt
    left join lateral (
        select coalesce(c.params ->> 'MessagingServiceSid', c.params ->> 'From') as sender
        from herald.twilio_callbacks c
        where c.message_sid = m.twilio_sid
        order by sender nulls last
        limit 1
    ) c on true
),
{failure},
written as (
    update herald.sms_messages m
    set status = case when r.goes_again and not r.is_held then 'pending' else m.status end,
        attempt_count = case when r.is_held then m.attempt_count else r.attempts end,
        twilio_error_message = coalesce(r.meaning, m.twilio_error_message),
        error_category = coalesce(r.category, m.error_category),
        failed_at = case when r.is_held or not r.goes_again then m.failed_at end,
        next_retry_at = case when r.goes_again and not r.is_held then r.run_at end,
        updated_at = now()
    from ruled r
    where m.id = r.message_id
),
ledger as (
    update herald.sms_send_attempts a
    set error_code = coalesce(a.error_code, r.error_code), error_message = coalesce(a.error_message, r.meaning)
    from ruled r
    where a.message_id = r.message_id and a.attempt = r.attempt
),
delivery as (
    update herald.notification_deliveries d
    set status = case when r.goes_again and not r.is_held then 'pending' else d.status end,
        failed_at = case when r.is_held or not r.goes_again then d.failed_at end,
        last_error = coalesce(r.meaning, d.last_error),
        attempts = case when r.is_held then d.attempts else r.attempts end,
        updated_at = now()
    from ruled r
    join message on message.id = r.message_id
    where d.id = message.notification_delivery_id and d.status = 'failed'
),
job as (
    insert into herald.queue_jobs as q (subject_id, job_type, priority, run_at, attempt)
    select r.message_id, 'send_sms', rank.priority, r.run_at, r.attempt + 1
    from ruled r
    join message on message.id = r.message_id
    join unnest($2, $3) as rank (name, priority) on rank.name = message.priority
    where r.goes_again and not r.is_held
    on conflict (subject_id) do update
    set run_at = excluded.run_at, attempt = greatest(q.attempt, excluded.attempt)
),
{failure_effects}
select message_id, goes_again from ruled
