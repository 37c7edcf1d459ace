-- One event for everybody with everything that follows from it, in one statement. No row comes back when a concurrent
-- transaction has just used the same dedup key. The fan-out may be left to the daemon.
with {source},
{event},
{deferral}
{decide},
{fan_out}
select id from event
