-- The rule for an error: $1 code, $2 surface, $3 HTTP status.
select c.code, c.code is distinct from $1, c.category, c.permanence, c.retry, c.base_delay_seconds, c.max_delay_seconds,
       c.max_attempts, c.counts_attempt, c.scope, c.severity, c.action, c.meaning, c.advice
from herald.twilio_error_codes c
where c.code in ($1, {ext}.herald_error_rule($2, $3, $1))
order by c.code = $1 desc nulls last
limit 1
