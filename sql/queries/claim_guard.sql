-- Claims go on beside each other, but not beside an opt-out (opt_out_guard.sql): a statement after it sees every opt-out
-- that was committed, and an opt-out sees every claim. "stop" in ASCII.
-- Then whether what may hold a claim up, beside the limits of a person, is there: breakers or caps (column 2), limits per event
-- type (3). What somebody adds at this moment holds for the next claim.
select pg_advisory_xact_lock_shared(1937010544),
       exists (select from herald.breakers b where b.closed_at is null)
           or exists (select from herald.sms_caps),
       exists (select from herald.notification_event_types t where t.max_per_user_per_day is not null)
