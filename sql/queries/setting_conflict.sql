-- Why a value of an integer setting does not go together with the other settings, and what to do; NULL if it does. $1 name, $2 value
with wanted as materialized (
    select name, case when name = $1 then ($2 #>> '{}')::bigint else (value #>> '{}')::bigint end as value
    from herald.settings
    where kind = 'integer'
),
times as (
    select (select value from wanted where name = 'decision_wait_seconds') as decision_wait,
           (select value from wanted where name = 'late_acceptance_seconds') as late_acceptance,
           (select value from wanted where name = 'listing_lag_seconds') as listing_lag,
           (select value from wanted where name = 'clock_skew_seconds') as clock_skew,
           array(select w.value
                 from unnest('{stale_poll_first_seconds,stale_poll_second_seconds,stale_poll_third_seconds,stale_end_seconds}'::text[])
                      with ordinality as step (name, place)
                 join wanted w on w.name = step.name
                 order by step.place) as polls
)
select case
           when $1 in ('decision_wait_seconds', 'late_acceptance_seconds', 'listing_lag_seconds') and decision_wait < late_acceptance + listing_lag
               then format('decision_wait_seconds would be %s, below late_acceptance_seconds (%s) + listing_lag_seconds (%s)',
                           decision_wait, late_acceptance, listing_lag)
           -- Two seconds: Twilio's times are whole seconds.
           when $1 in ('decision_wait_seconds', 'late_acceptance_seconds', 'clock_skew_seconds')
                and decision_wait < late_acceptance + 2 * clock_skew + 2
               then format('decision_wait_seconds would be %s, below late_acceptance_seconds (%s) + 2 * clock_skew_seconds (%s) + 2',
                           decision_wait, late_acceptance, clock_skew)
           when $1 in ('stale_poll_first_seconds', 'stale_poll_second_seconds', 'stale_poll_third_seconds', 'stale_end_seconds')
                and not (polls[1] < polls[2] and polls[2] < polls[3] and polls[3] < polls[4])
               then format('the times to ask Twilio about a silent text would be %s seconds, which do not ascend', array_to_string(polls, ', '))
       end as problem,
       case
           when $1 in ('decision_wait_seconds', 'late_acceptance_seconds', 'clock_skew_seconds')
                and decision_wait >= late_acceptance + listing_lag
               then 'An equal text that goes out while we look could be taken for the one in doubt: raise decision_wait_seconds first.'
           when $1 in ('decision_wait_seconds', 'late_acceptance_seconds', 'listing_lag_seconds')
               then 'A text that Twilio accepts or lists after we have looked would be sent twice: raise decision_wait_seconds first.'
           else 'Set stale_poll_first_seconds < stale_poll_second_seconds < stale_poll_third_seconds < stale_end_seconds.'
       end as hint
from times
