-- Twilio may text the number again. $1 number
update herald.sms_opt_outs
set provider_blocked = false, blocked_sender = null, updated_at = now()
where number_hash = herald.number_hash($1) and provider_blocked
