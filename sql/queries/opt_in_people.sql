-- The people with a number whose opt-out has just ended. $1 number
update herald.user_sms_preferences
set opted_out = false, opted_out_at = null, opt_out_reason = null, updated_at = now()
where phone_number = $1 and opted_out
