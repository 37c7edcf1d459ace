-- The number is not texted any more, whoever has it. The trigger of the preferences does what follows from it.
-- $1 number, $2 reason, $3 Twilio blocks it, $4 our sender that is blocked or NULL
with number as (
    insert into herald.sms_opt_outs as o (number_hash, reason, provider_blocked, blocked_sender)
    values (herald.number_hash($1), $2, $3, case when $3 then $4 end)
    on conflict (number_hash) do update
    set opted_out_at = now(),
        reason = excluded.reason,
        provider_blocked = o.provider_blocked or excluded.provider_blocked,
        blocked_sender = coalesce(excluded.blocked_sender, o.blocked_sender),
        updated_at = now()
),
person as materialized (
    select p.id from herald.user_sms_preferences p
    where p.phone_number = $1
    order by p.id
    for no key update
)
-- Every row, also one that was out already: a verification that has just ended that may not have been seen.
update herald.user_sms_preferences p
set opted_out = true,
    opted_out_at = case when p.opted_out then coalesce(p.opted_out_at, now()) else now() end,
    opt_out_reason = case when p.opted_out then coalesce(p.opt_out_reason, $2) else $2 end,
    updated_at = now()
from person
where p.id = person.id
