-- Callbacks that came when nobody knew their SIDs, as callbacks.sql takes them; NULL = none. $1 SIDs
select jsonb_agg(jsonb_build_object('stored_id', c.id, 'sid', c.message_sid, 'status', c.message_status,
                                    'error_code', c.error_code, 'params', c.params)
                 order by c.received_at, c.id)
from herald.twilio_callbacks c
where c.message_sid = any ($1) and c.result = 'orphan'
