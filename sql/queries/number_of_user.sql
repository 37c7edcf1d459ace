-- A user's number, locked until the transaction ends. $1 user
select phone_number from herald.user_sms_preferences where user_id = $1 for no key update
