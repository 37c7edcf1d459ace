-- The results of a look into Twilio's list that found the text, as callbacks; only what this look had claimed, and no SID that
-- a callback has told of another text whose result is still to be written: that text has it. $1 results
select coalesce(jsonb_agg(result.value order by result.place), '[]') as callbacks
from jsonb_array_elements($1) with ordinality as result (value, place)
join herald.sms_send_attempts a
    on a.message_id = (result.value ->> 'message_id')::uuid and a.attempt = (result.value ->> 'attempt')::integer
where result.value ->> 'verdict' = 'found' and a.resolve_at is not null and a.resolve_claim = (result.value ->> 'claim_id')::uuid
  and not exists (select
                  from herald.dispatch_batches b
                  cross join lateral unnest(b.message_ids) as member (id)
                  cross join lateral (select m.twilio_sid from herald.sms_messages m where m.id = member.id and m.batch_id = b.id limit 1) m
                  where m.twilio_sid = result.value ->> 'sid')
