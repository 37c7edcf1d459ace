-- A user without a number opts out: what comes later finds the mark. $1 user, $2 reason
insert into herald.user_sms_preferences (user_id, opted_out, opted_out_at, opt_out_reason)
values ($1, true, now(), $2)
on conflict (user_id) do update
set opted_out = true, opted_out_at = now(), opt_out_reason = excluded.opt_out_reason, updated_at = now()
where not user_sms_preferences.opted_out
