-- Adds one row of evidence. $1 user or NULL, $2 number or NULL, $3 kind, $4 source, $5 wording, $6 message SID
insert into herald.sms_consent_events (id, user_id, phone_number, kind, source, wording, message_sid)
values ({ext}.herald_uuid_v7(), $1, $2, $3, $4, $5, $6)
