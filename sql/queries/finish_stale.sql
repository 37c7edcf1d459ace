-- After Twilio was asked: when it is asked again. A question without answer is repeated soon; a message that Twilio does not
-- know any more is not asked for again. $1 results
with answer as (
    select distinct on (r.message_id, r.attempt) r.*
    from jsonb_to_recordset($1) as r (message_id uuid, attempt integer, verdict text)
    order by r.message_id, r.attempt
)
update herald.sms_send_attempts a
set poll_at = case answer.verdict
        when 'found' then (select min(a.finished_at + step.after)
                           from unnest(array[times.poll_first, times.poll_second, times.poll_third, times.poll_end]) as step (after)
                           where a.finished_at + step.after > now())
        when 'failed' then now() + interval '1 minute'
    end
from answer
cross join herald.protocol_times times
where a.message_id = answer.message_id and a.attempt = answer.attempt and a.poll_at is not null
returning a.message_id
