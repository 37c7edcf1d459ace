-- What failures say beyond the one text: reads rows "ruled" of failure.sql. Opt-outs, numbers that cannot be texted, and
-- breakers. Part of complete.sql and failures.sql.
refused as (
    select user_id, phone_number, error_code, sid from ruled where action = 'opt_out' and is_news
),
{opt_out},
marking as materialized (
    select p.id, p.phone_number
    from herald.user_sms_preferences p
    where p.phone_number in (select phone_number from ruled where action = 'mark_number' and is_news)
    order by p.id
    for no key update
),
marked as (
    update herald.user_sms_preferences p
    set phone_verified = false, phone_invalid_reason = 'twilio_' || r.error_code, phone_invalid_at = now(), updated_at = now()
    from marking
    join (select phone_number, max(error_code) as error_code from ruled where action = 'mark_number' group by phone_number) r
        on r.phone_number = marking.phone_number
    where p.id = marking.id
),
pausing as materialized (
    select distinct on (scope, key) *
    from (select scope,
                 case scope when 'sender' then coalesce(sender, '')
                            when 'country' then {ext}.herald_country_key(phone_number)
                            else '' end as key,
                 surface, rule, meaning, severity, attempt_at,
                 {ext}.herald_retry_delay(category, base_delay_seconds, max_delay_seconds, 1, 0)::integer as pause,
                 {ext}.herald_retry_delay(category, base_delay_seconds, max_delay_seconds, 1000, 1)::integer as longest
          from ruled
          where action = 'pause_scope' and is_news and scope in ('account', 'sender', 'country')) r
    order by scope, key, attempt_at desc
),
-- A breaker that is open stays as it is, unless its own try has failed: then the next pause is twice as long.
paused as (
    insert into herald.breakers as b
        (scope, key, surface, error_code, reason, severity, attempt_at, pause_seconds, max_pause_seconds, resume_at)
    select scope, key, surface, rule, meaning, severity, attempt_at, greatest(pause, 1), greatest(pause, longest, 1),
           now() + make_interval(secs => greatest(pause, 1))
    from pausing
    order by scope, key
    on conflict (scope, key) where closed_at is null do update
    set failures = b.failures + 1, attempt_at = excluded.attempt_at, surface = excluded.surface,
        error_code = excluded.error_code, reason = excluded.reason, severity = excluded.severity,
        pause_seconds = least(b.max_pause_seconds, b.pause_seconds * 2),
        resume_at = now() + make_interval(secs => least(b.max_pause_seconds, b.pause_seconds * 2))
    where excluded.attempt_at >= b.probed_at
)
