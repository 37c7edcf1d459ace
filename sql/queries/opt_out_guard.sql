-- Waits for the claims that run, and lets no other begin until this transaction ends: what is claimed after it is not for
-- the person who opts out. Taken before any row is locked. "stop" in ASCII.
select pg_advisory_xact_lock(1937010544)
