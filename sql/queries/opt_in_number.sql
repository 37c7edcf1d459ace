-- START: ends our own opt-out of a number where the setting allows it, or where the person has proven the number since.
-- $1 number. The number's row goes first, so that the trigger of the preferences finds no opt-out to hold on to.
with ended as materialized (
    delete from herald.sms_opt_outs o
    where o.number_hash = herald.number_hash($1) and not o.provider_blocked
      and ((select value #>> '{}' from herald.settings where name = 'start_lifts_opt_out') = '1'
           or exists (select from herald.user_sms_preferences p
                      where p.phone_number = $1 and p.phone_verified and p.phone_verified_at > o.opted_out_at))
    returning o.number_hash
)
select exists (select from ended) as is_lifted,
       exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash($1)) as was_opted_out
