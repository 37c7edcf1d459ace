-- The ledger of a user, of a number, or whole; oldest first. $1 user or NULL, $2 number or NULL
-- A user's history holds the whole history of the numbers in it: a STOP may have come before the number was theirs.
select c.occurred_at, c.user_id, c.phone_number, encode(c.number_hash, 'hex') as number_hash, c.kind, c.source, c.wording,
       c.message_sid, c.erased_at,
       to_char(c.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as moment
from herald.sms_consent_events c
where ($1 is null and $2 is null)
   or c.user_id = $1
   or c.number_hash in (select o.number_hash from herald.sms_consent_events o where o.user_id = $1)
   or c.number_hash = herald.number_hash($2)
order by c.occurred_at, c.id
