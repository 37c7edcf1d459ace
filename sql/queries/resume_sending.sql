-- Closes open breakers by hand: $1 scope, $2 key or NULL for all of the scope. What waited because of them is due at once.
with closed as (
    update herald.breakers b
    set closed_at = now(), closed_by = 'operator'
    where b.closed_at is null and b.scope = $1 and ($2 is null or b.key = $2)
    returning b.scope, b.key, b.error_code, b.resume_at
),
due as (
    update herald.queue_jobs q
    set run_at = now()
    from closed
    cross join herald.sms_messages m
    where q.job_type = 'send_sms' and q.run_at > now() and m.id = q.subject_id
      and (q.run_at = closed.resume_at and closed.scope = 'country'
               and closed.key = {ext}.herald_country_key(m.phone_number)
           or m.status = 'pending' and m.twilio_error_code = closed.error_code)
)
select count(*)::integer from closed
