-- Is this a time zone of the IANA's that this server knows? (Other settings of Postgres also take POSIX rules and
-- abbreviations, which know no daylight saving time.) $1 name
select exists (select from pg_timezone_names as zone
               where zone.name = $1 and zone.name !~ '^(posix|right)/|^(localtime|posixrules|Factory)$') as is_known
