-- Notes what was done about a text, and decides whether it is answered.
-- $1 row, $2 handled, $3 cancelled, $4 in flight, $5 setting with the answer or NULL for none
-- Machines answer machines: never one of our own numbers, never what is no number, never often, never fast.
with reply as (
    select s.value #>> '{}' as text
    from herald.settings s
    join herald.sms_inbound_messages i on i.id = $1
    cross join lateral (
        select count(*) filter (where e.received_at > now() - make_interval(secs =>
                   (select (value #>> '{}')::integer from herald.settings where name = 'inbound_reply_window_seconds'))) as recent,
               max(e.received_at) as latest
        from herald.sms_inbound_messages e
        where e.from_number = i.from_number and e.reply is not null and e.received_at > now() - interval '7 days'
    ) earlier
    where s.name = $5 and s.value #>> '{}' ~ '\S'
      and i.from_number ~ '^\+[1-9][0-9]{6,14}$'
      and i.from_number <> i.to_number
      and not exists (select from herald.sms_inbound_messages ours where ours.to_number = i.from_number)
      and earlier.recent < (select (value #>> '{}')::integer from herald.settings where name = 'inbound_reply_limit')
      and coalesce(earlier.latest <= now() - make_interval(secs =>
              (select (value #>> '{}')::integer from herald.settings where name = 'inbound_reply_interval_seconds')), true)
      -- Twilio would refuse it.
      and not exists (select from herald.sms_opt_outs o where o.number_hash = herald.number_hash(i.from_number) and o.provider_blocked)
)
update herald.sms_inbound_messages
set handled = $2, cancelled = $3, in_flight = $4, reply = (select text from reply)
where id = $1
returning reply
