-- How long verify_phone_code waits.
select (value #>> '{}')::integer from herald.settings where name = 'verify_wait_seconds'
