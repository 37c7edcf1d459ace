-- Stores a text that came in, once. No row comes back for one that is there already.
-- $1 Twilio's id, $2 Messaging Service, $3 from, $4 to, $5 text, $6 keyword, $7 OptOutType, $8 parameters,
-- $9 no keyword, but words that may mean one
insert into herald.sms_inbound_messages
    (id, message_sid, messaging_service_sid, from_number, to_number, body, keyword, opt_out_type, params, mentions_stop, user_id)
values ({ext}.herald_uuid_v7(), $1, $2, $3, $4, $5, $6, $7, $8, $9,
        (select p.user_id from herald.user_sms_preferences p where p.phone_number = $3
         order by p.phone_verified desc, p.updated_at desc limit 1))
on conflict (message_sid) do nothing
returning id, user_id
