-- What a daemon must know before it starts.
select (select max(version) from herald.schema_version) as schema_version,
       (select value #>> '{}' from herald.settings where name = 'callback_key') as callback_key,
       (select (value #>> '{}')::integer from herald.settings where name = 'lease_seconds') as lease_seconds,
       clock_timestamp() as server_time,
       pg_is_in_recovery() as in_recovery
