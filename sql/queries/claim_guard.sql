-- Claims go on beside each other, but not beside an opt-out (opt_out_guard.sql): a statement after it sees every opt-out
-- that was committed, and an opt-out sees every claim. "stop" in ASCII.
select pg_advisory_xact_lock_shared(1937010544)
