-- Reads everything but the settings, which hold keys, and codes on their way.
grant usage on schema {ext} to {role};
grant usage on schema herald to {role};
grant select on all tables in schema herald to {role};
revoke select on herald.settings, herald.phone_verification_codes from {role};
grant execute on function {ext}.herald_queue_stats() to {role};
