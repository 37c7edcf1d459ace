-- What follows from failures: reads rows "failing", gives rows "ruled". Part of complete.sql and failures.sql.
-- "failing": message_id, user_id, phone_number, attempt, surface, http_status, error_code, is_refused (false: the request
-- never came about), attempts_before (that count), max_attempts, expires_at, attempt_at, sender, sid, reason,
-- retry_after_seconds, is_news (its effects are still to come). "ruled" adds the rule, the attempts that count now, and whether and when it goes again.
rule as materialized (
    select f.message_id, c.*
    from failing f
    cross join lateral (
        select c.*
        from herald.twilio_error_codes c
        where c.code in (f.error_code, {ext}.herald_error_rule(f.surface, f.http_status, f.error_code))
        -- A row that the owner added for a code the library does not know goes before the default.
        order by c.code = f.error_code desc nulls last
        limit 1
    ) c
    where f.is_refused
),
counted as materialized (
    select f.*, c.code as rule, c.category, c.meaning, c.action, c.scope, c.severity, c.retry, c.counts_attempt,
           c.base_delay_seconds, c.max_delay_seconds,
           f.attempts_before + (f.is_refused and coalesce(c.counts_attempt, true))::integer as attempts,
           greatest(f.max_attempts, 1 + coalesce(c.max_attempts, 0)) as attempts_allowed,
           coalesce(c.max_attempts, 2147483647) as repeats_allowed,
           1 + (select count(*) from herald.sms_send_attempts a
                where c.code is not null and a.message_id = f.message_id and a.error_code = f.error_code
                  and a.attempt < f.attempt)::integer as repeats
    from failing f
    left join rule c on c.message_id = f.message_id
),
timed as materialized (
    select c.*,
           case
               when c.reason = 'shutdown' then now()
               when c.retry_after_seconds is not null then now() + make_interval(secs => c.retry_after_seconds)
               -- Carriers' daily caps are set back at midnight Pacific time.
               when c.retry = 'daily_reset' then
                   (date_trunc('day', now() at time zone 'America/Los_Angeles') + interval '1 day') at time zone 'America/Los_Angeles'
               -- The end of the person's quiet hours if Twilio's rule (8 to 21 h) allows that hour, else the next 08:00 there.
               when c.retry = 'quiet_hours_end' then (
                   select (wall.today + goal.hour + case when wall.today + goal.hour <= wall.clock then interval '1 day' else interval '0' end)
                              at time zone zone.name
                   from (select coalesce((select z.name
                                          from herald.user_sms_preferences p
                                          join pg_timezone_names z on lower(z.name) = lower({zone})
                                          where p.user_id = c.user_id
                                          limit 1), 'UTC') as name) zone
                   cross join lateral (select now() at time zone zone.name as clock,
                                              date_trunc('day', now() at time zone zone.name) as today) wall
                   cross join (select coalesce((select p.quiet_hours_end
                                                from herald.user_sms_preferences p
                                                where p.user_id = c.user_id and p.quiet_hours_start <> p.quiet_hours_end
                                                  and p.quiet_hours_end between '08:00' and '21:00'), '08:00') as hour) goal)
               when c.rule is null then now() + make_interval(secs => {ext}.herald_retry_delay(5, 300, c.attempt, random()))
               else now() + make_interval(secs => {ext}.herald_retry_delay(
                        c.category, c.base_delay_seconds, c.max_delay_seconds, c.repeats, random()))
           end as run_at
    from counted c
),
ruled as materialized (
    select timed.*,
           case
               when not is_refused or retry = 'stop' then true
               when retry is null or retry in ('never', 'not_applicable') then false
               when counts_attempt and attempts >= attempts_allowed or repeats > repeats_allowed then false
               -- What would come after the event has expired is given up now.
               else expires_at is null or run_at < expires_at
           end as goes_again
    from timed
)
