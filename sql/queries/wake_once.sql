-- Of many transactions that commit at the same time one tells the daemons: NOTIFY takes a lock of the whole cluster
-- until the commit is flushed. The daemon looks again shortly after each wake-up, which covers those that stayed silent.
-- The key is "herald" in ASCII.
select pg_notify('herald', '') where pg_try_advisory_xact_lock(114784919972964)
