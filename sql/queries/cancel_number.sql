-- Cancels what waits for a number, and counts what was claimed already. $1 number
select (coalesce((select sum(herald.cancel_waiting(p.user_id, $1, 'opted_out'))
                  from herald.user_sms_preferences p where p.phone_number = $1), 0)
        + herald.cancel_waiting(null, $1, 'opted_out'))::integer as cancelled,
       (select count(*)
        from herald.dispatch_batches b
        cross join lateral unnest(b.message_ids) as claimed (id)
        join herald.sms_messages m on m.id = claimed.id and m.batch_id = b.id
        where m.phone_number = $1)::integer as in_flight
