-- An erasure was gone over. It is finished when nothing is left open and Twilio has had four days to report. $1 erasure, $2 texts left
update herald.user_erasures
set swept_at = now(),
    finished_at = case when $2 = 0 and requested_at < now() - interval '4 days' then now() end
where id = $1
