-- Takes up to $1 acceptances of which nothing final was heard, for Twilio to be asked. $2 statuses in which more is awaited
with due as materialized (
    select a.message_id, a.attempt
    from herald.sms_send_attempts a
    where a.poll_at <= now()
    order by a.poll_at
    limit $1
    for update skip locked
),
judged as materialized (
    select due.message_id, due.attempt, m.last_attempt = due.attempt and m.status = any ($2) as is_silent
    from due
    join herald.sms_messages m on m.id = due.message_id
),
claimed as (
    update herald.sms_send_attempts a
    -- Until the answer is written; whoever does not come back is followed by another.
    set poll_at = case when judged.is_silent then now() + interval '5 minutes' end
    from judged
    where a.message_id = judged.message_id and a.attempt = judged.attempt
    returning a.message_id, a.attempt, a.sid, judged.is_silent
)
select message_id, attempt, sid from claimed where is_silent
