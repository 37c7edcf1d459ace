-- Recipients per chunk of a deferred fan-out.
select greatest(1, (value #>> '{}')::integer) from herald.settings where name = 'inline_fan_out_limit'
