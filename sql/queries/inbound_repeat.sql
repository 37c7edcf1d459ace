-- What was done about a text that Twilio reports once more: it gets the same answer. $1 Twilio's id
select keyword, handled, cancelled, in_flight, reply from herald.sms_inbound_messages where message_sid = $1
