-- Stores signed status callbacks and applies them, forward only. $1 callbacks (JSON array, see below);
-- $2/$3 message statuses and their ranks, $4/$5 Twilio's words and our statuses, $6/$7 delivery statuses and their ranks,
-- $8/$9 our statuses and the delivery's status each stands for.
-- A failure is written as it is told; whether another attempt follows is for failures.sql. A text that waits for that attempt
-- still has the SID of the failed one: it can hear from it that it was delivered after all, and nothing else.
-- A callback with a stored_id is one of orphans.sql: it is in the table already.
-- A callback's "mapped" may name our status directly; otherwise Twilio's word decides, and an unknown word changes nothing.
-- Its "source" is list, fetch or operator when we found it out ourselves; it then settles doubts in that name.
-- "= any (array(...))", limit 1 and a subquery for a value: whatever the planner thinks of the tables, it goes by their keys.
with message_rank as (select * from unnest($2, $3) as r (status, rank)),
twilio_word as (select * from unnest($4, $5) as w (word, status)),
delivery_rank as (select * from unnest($6, $7) as r (status, rank)),
delivery_goal as (select * from unnest($8, $9) as g (status, delivery_status)),
input as materialized (
    select i.ordinal::integer as ordinal, i.message_id as named_id, i.attempt as named_attempt, i.sid, i.status as word,
           i.error_code, coalesce(i.params, '{}') as params, i.idempotency_token, i.stored_id, i.source,
           coalesce(i.mapped, twilio_word.status) as status,
           -- The ledger knows whose SID this is; a callback that came before it has our id in its URL.
           coalesce(a.message_id, i.message_id) as message_id,
           coalesce(a.attempt, i.attempt) as attempt,
           row_number() over (partition by i.sid, i.status, i.error_code order by i.ordinal) > 1
               or (select true from herald.twilio_callbacks c
                   where c.message_sid = i.sid and c.message_status = i.status
                     and c.error_code is not distinct from i.error_code and c.result = 'applied'
                   limit 1) is not null as is_repeat
    from rows from (jsonb_to_recordset($1) as (
             message_id uuid, attempt integer, sid text, status text, mapped text, error_code integer, params jsonb,
             idempotency_token text, stored_id uuid, source text)) with ordinality
         as i (message_id, attempt, sid, status, mapped, error_code, params, idempotency_token, stored_id, source, ordinal)
    left join twilio_word on twilio_word.word = i.status
    left join lateral (select a.message_id, a.attempt from herald.sms_send_attempts a where a.sid = i.sid limit 1) a on true
),
message as materialized (
    select m.id, m.user_id, m.phone_number, m.status, m.twilio_sid, m.last_attempt, m.notification_delivery_id, m.sent_at,
           m.delivered_at, m.attempt_count, m.max_attempts, m.priority, m.by_admin
    from herald.sms_messages m
    where m.id = any (array(select message_id from input))
    order by m.id
    for no key update
),
judged as materialized (
    select input.*, message.id as found_id, message.user_id, message.phone_number, message.notification_delivery_id,
           coalesce(input.attempt, message.last_attempt) as proven_attempt,
           new_rank.rank as new_rank,
           case
               when message.id is null then 'orphan'
               when input.named_id is not null
                    and (input.named_id, coalesce(input.named_attempt, input.attempt)) <> (input.message_id, input.attempt)
                   then 'conflict'
               when coalesce(input.attempt, message.last_attempt) = message.last_attempt
                    and message.twilio_sid <> input.sid then 'conflict'
               when input.status is null then 'ignored'
               when input.is_repeat then 'duplicate'
               when input.attempt < message.last_attempt
                    and not (new_rank.rank > failed.rank and message.status in ('scheduled', 'pending', 'undelivered', 'failed'))
                   then 'stale'
               when new_rank.rank <= old_rank.rank and message.status <> 'unknown' then 'stale'
               else 'applied'
           end as result
    from input
    left join message on message.id = input.message_id
    left join message_rank new_rank on new_rank.status = input.status
    left join message_rank failed on failed.status = 'failed'
    left join message_rank old_rank
        on old_rank.status = case when message.status in ('scheduled', 'pending') and message.twilio_sid is not null
                                  then 'failed' else message.status end
),
-- Of several callbacks for one message the furthest counts.
best as materialized (
    select distinct on (found_id) *
    from judged
    where result in ('applied', 'stale')
    order by found_id, result = 'applied' desc, new_rank desc, ordinal
),
-- A claim that a standby lacked when it was promoted: the callback proves that it was made, and that Twilio has its text.
lost_claim as materialized (
    select best.found_id, best.proven_attempt, best.sid, best.source, message.user_id, message.by_admin
    from best
    join message on message.id = best.found_id
    where best.result = 'applied' and best.proven_attempt > message.last_attempt
),
made_good as (
    insert into herald.sms_send_attempts
        (message_id, attempt, started_at, finished_at, outcome, reason, sid, resolved_by, resolved_at, poll_at)
    select found_id, proven_attempt, now(), now(), 'accepted', 'claim_lost', sid, coalesce(source, 'callback'), now(),
           now() + times.poll_first
    from lost_claim
    cross join herald.protocol_times times
    on conflict do nothing
),
-- Its claim had counted it. A count of another day or hour begins anew at the next claim.
counted as (
    update herald.user_sms_preferences p
    set daily_sms_count = p.daily_sms_count + mine.texts, hourly_sms_count = p.hourly_sms_count + mine.texts
    from (select user_id, count(*)::integer as texts from lost_claim where not by_admin group by user_id) mine
    where p.user_id = any (array(select user_id from lost_claim where not by_admin)) and mine.user_id = p.user_id
),
written as (
    update herald.sms_messages m
    set twilio_sid = case when best.result = 'applied' and best.proven_attempt > m.last_attempt then best.sid
                          when best.proven_attempt >= m.last_attempt then coalesce(m.twilio_sid, best.sid)
                          else m.twilio_sid end,
        last_attempt = case when best.result = 'applied' then greatest(m.last_attempt, best.proven_attempt) else m.last_attempt end,
        attempt_count = m.attempt_count + (best.result = 'applied' and best.proven_attempt > m.last_attempt)::integer,
        status = case when best.result = 'applied' then best.status else m.status end,
        twilio_status = case when best.result = 'applied' then best.word else m.twilio_status end,
        twilio_error_code = case when best.result = 'applied' then coalesce(best.error_code, m.twilio_error_code)
                                 else m.twilio_error_code end,
        sent_at = case when best.result = 'applied' and best.status in ('sent', 'undelivered', 'delivered', 'read')
                       then coalesce(m.sent_at, now()) else m.sent_at end,
        delivered_at = case when best.result = 'applied' and best.status in ('delivered', 'read')
                            then coalesce(m.delivered_at, now()) else m.delivered_at end,
        failed_at = case when best.result = 'applied' and best.status in ('failed', 'undelivered')
                         then coalesce(m.failed_at, now()) else m.failed_at end,
        updated_at = now()
    from best
    where m.id = any (array(select found_id from best)) and best.found_id = m.id
    returning m.id, m.notification_delivery_id, m.sent_at, m.delivered_at
),
delivery as (
    update herald.notification_deliveries d
    set status = goal.delivery_status,
        sent_at = case when goal.delivery_status in ('sent', 'delivered', 'opened')
                       then coalesce(d.sent_at, now()) else d.sent_at end,
        delivered_at = case when goal.delivery_status in ('delivered', 'opened')
                            then coalesce(d.delivered_at, now()) else d.delivered_at end,
        opened_at = case when goal.delivery_status = 'opened' then coalesce(d.opened_at, now()) else d.opened_at end,
        failed_at = case when goal.delivery_status = 'failed' then coalesce(d.failed_at, now()) else d.failed_at end,
        updated_at = now()
    from best
    join delivery_goal goal on goal.status = best.status
    join delivery_rank new_rank on new_rank.status = goal.delivery_status
    where d.id = any (array(select notification_delivery_id from best)) and best.notification_delivery_id = d.id
      and best.result = 'applied'
      and new_rank.rank > (select rank from delivery_rank where status = d.status)
    returning d.id
),
-- A callback proves what an unknown attempt's answer would have said.
settled as (
    update herald.sms_send_attempts a
    set outcome = 'accepted', sid = best.sid, resolved_by = coalesce(best.source, 'callback'), resolved_at = now(),
        resolve_at = null, resolve_claim = null,
        poll_at = greatest(now(), a.finished_at + (select poll_first from herald.protocol_times))
    from best
    where a.message_id = any (array(select found_id from best))
      and best.found_id = a.message_id and best.proven_attempt = a.attempt
      -- Even one that counted as not sent: Twilio's word is better than its list.
      and a.outcome in ('unknown', 'not_sent')
),
stored as (
    insert into herald.twilio_callbacks
        (id, message_id, attempt, message_sid, message_status, error_code, raw_dlr_done_date, idempotency_token, params, result)
    select {ext}.herald_uuid_v7(), found_id, attempt, sid, word, error_code, params ->> 'RawDlrDoneDate',
           idempotency_token, params, result
    from judged
    where stored_id is null
    order by ordinal
),
restored as (
    update herald.twilio_callbacks c
    set message_id = judged.found_id, attempt = judged.attempt, result = judged.result
    from judged
    where c.id = any (array(select stored_id from judged)) and judged.stored_id = c.id
)
select judged.ordinal, judged.result, message.notification_delivery_id, message.user_id,
       coalesce(written.sent_at, message.sent_at), coalesce(written.delivered_at, message.delivered_at),
       message.attempt_count, message.max_attempts, message.priority,
       judged.result = 'applied' as updated_sms, delivery.id is not null as updated_delivery,
       case when judged.result = 'applied' and judged.status in ('failed', 'undelivered') then judged.found_id end as failed_id
from judged
left join message on message.id = judged.found_id
left join written on written.id = judged.found_id
left join delivery on delivery.id = written.notification_delivery_id
order by judged.ordinal
