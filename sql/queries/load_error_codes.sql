-- Takes the library's error catalogue over; rows that are there are the owner's. $1 to $14: the columns, as arrays.
insert into herald.twilio_error_codes
    (code, surface, meaning, category, permanence, retry, base_delay_seconds, max_delay_seconds, max_attempts,
     counts_attempt, scope, severity, action, advice)
select *
from unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[],
            $9::integer[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::text[])
on conflict (code) do nothing
