-- Which of these SIDs belong to a message: the ledger knows them, or a callback has told them of a text whose result is still
-- to be written. $1 SIDs
select a.sid from herald.sms_send_attempts a where a.sid = any ($1)
union
select m.twilio_sid
from herald.dispatch_batches b
cross join lateral unnest(b.message_ids) as member (id)
cross join lateral (select m.twilio_sid from herald.sms_messages m where m.id = member.id and m.batch_id = b.id limit 1) m
where m.twilio_sid = any ($1)
