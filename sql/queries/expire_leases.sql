-- Batches whose worker has gone: what was asked of Twilio is in doubt, so it becomes unknown and is never sent blindly again.
with expired as materialized (
    select b.id, b.worker, b.claimed_at, b.message_ids
    from herald.dispatch_batches b
    where b.lease_until < now()
    order by b.id
    for update skip locked
),
message as materialized (
    select m.id, m.last_attempt, m.twilio_sid, m.batch_id, expired.worker, expired.claimed_at
    from expired
    cross join lateral unnest(expired.message_ids) as claimed (id)
    join herald.sms_messages m on m.id = claimed.id and m.batch_id = expired.id
    order by m.id
    for no key update of m
),
doubted as (
    update herald.sms_messages m
    set status = case when m.twilio_sid is null then 'unknown' else m.status end,
        attempt_count = m.attempt_count + 1,
        batch_id = null,
        updated_at = now()
    from message
    where m.id = message.id
    returning m.status
),
ledger as (
    insert into herald.sms_send_attempts
        (message_id, attempt, batch_id, worker, started_at, finished_at, outcome, reason, sid, resolved_by, resolved_at)
    select id, last_attempt, batch_id, worker, claimed_at, now(),
           case when twilio_sid is null then 'unknown' else 'accepted' end, 'lease_expired', twilio_sid,
           case when twilio_sid is not null then 'callback' end, case when twilio_sid is not null then now() end
    from message
),
closed as (
    delete from herald.dispatch_batches b using expired where b.id = expired.id
)
select count(*)::integer from doubted where status = 'unknown'
