-- One at a time per user and per number: the limits are counted and the number is given by one transaction after another.
-- Always in the same order, so that two of them do not wait for each other. $1 user, $2 number
select count(pg_advisory_xact_lock(lock.key))
from (select key
      from (values (hashtextextended('herald user ' || $1::text, 0)), (hashtextextended('herald number ' || $2, 0))) as wanted (key)
      order by key
      offset 0) as lock
