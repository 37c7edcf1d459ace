-- The status of one message. $1 message
select m.status from herald.sms_messages m where m.id = $1
