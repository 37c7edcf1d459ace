-- Takes the attempt in doubt of one message for an operator's decision. $1 message, $2 id of this claim
with latest as (
    select a.message_id, max(a.attempt) as attempt
    from herald.sms_send_attempts a
    where a.message_id = $1 and a.resolve_at is not null
    group by a.message_id
)
update herald.sms_send_attempts a
set resolve_claim = $2, resolve_claimed_at = now()
from latest
where a.message_id = latest.message_id and a.attempt = latest.attempt and a.resolve_at is not null
returning a.attempt
