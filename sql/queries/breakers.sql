-- What is out of order now.
select b.id, b.scope, b.key, b.error_code, b.reason, b.severity, c.advice, b.opened_at, b.resume_at, b.failures
from herald.breakers b
left join herald.twilio_error_codes c on c.code = b.error_code
where b.closed_at is null
order by b.scope, b.key
