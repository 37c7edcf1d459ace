-- The results of a look into Twilio's list that found the text, as callbacks; only what this look had claimed. $1 results
select coalesce(jsonb_agg(result.value order by result.place), '[]') as callbacks
from jsonb_array_elements($1) with ordinality as result (value, place)
join herald.sms_send_attempts a
    on a.message_id = (result.value ->> 'message_id')::uuid and a.attempt = (result.value ->> 'attempt')::integer
where result.value ->> 'verdict' = 'found' and a.resolve_at is not null and a.resolve_claim = (result.value ->> 'claim_id')::uuid
