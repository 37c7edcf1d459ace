-- Locks the messages that callbacks speak of, in the order of their ids: two calls can wait for each other, but not in a
-- circle. The statement that applies the callbacks comes after it, so it sees what whoever held the locks has written.
-- $1 callbacks
select m.id
from herald.sms_messages m
where m.id = any (array(select coalesce(a.message_id, i.message_id)
                        from jsonb_to_recordset($1) as i (message_id uuid, sid text)
                        left join lateral (select a.message_id from herald.sms_send_attempts a where a.sid = i.sid limit 1) a on true))
order by m.id
for no key update
