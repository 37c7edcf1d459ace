-- Tells the daemons in every transaction.
select pg_notify('herald', '')
