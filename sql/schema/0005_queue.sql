-- What is due, and who is working on it. A queue row exists only while the work waits; everything else is in the records.

create table herald.queue_jobs (
    subject_id uuid        not null primary key,
    job_type   text        not null constraint queue_jobs_type_check check (job_type in ('send_sms', 'fan_out')),
    priority   smallint    not null,
    run_at     timestamptz not null,
    attempt    integer     not null default 1,
    wakes      boolean     not null default false
) with (
    fillfactor = 90,
    -- Rows live for milliseconds: clean up by count, not by share of a table that is nearly empty, and without naps.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
create index queue_jobs_due_idx on herald.queue_jobs (job_type, priority, run_at);
comment on index herald.queue_jobs_due_idx is 'What is due, per priority, oldest first.';
comment on table herald.queue_jobs is 'The small hot table: the messages that wait to be sent and the events that wait to be fanned out.';
comment on column herald.queue_jobs.subject_id is 'The message (send_sms) or event (fan_out).';
comment on column herald.queue_jobs.job_type is 'send_sms or fan_out.';
comment on column herald.queue_jobs.priority is '1 urgent, 5 high, 10 normal, 20 low: smaller goes first.';
comment on column herald.queue_jobs.run_at is 'Not before this time.';
comment on column herald.queue_jobs.attempt is 'Number the next claim gets.';
comment on column herald.queue_jobs.wakes is 'True: this row''s commit wakes the daemon. One row of a statement has it, and none if pg_herald.notify is off or nothing is due now.';

create table herald.dispatch_batches (
    id            uuid        not null primary key,
    worker        uuid        not null,
    claimed_at    timestamptz not null default pg_catalog.now(),
    lease_until   timestamptz not null,
    message_ids   uuid[]      not null,
    open_messages integer     not null
) with (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
comment on table herald.dispatch_batches is
    'One row per claimed batch until all its results are written: lease and fence in one. A worker whose row is gone writes nothing.';
comment on column herald.dispatch_batches.id is 'UUIDv7; the messages of the batch carry it.';
comment on column herald.dispatch_batches.worker is 'The daemon process that claimed it, new at each start.';
comment on column herald.dispatch_batches.claimed_at is 'When it was claimed.';
comment on column herald.dispatch_batches.lease_until is 'After this time its messages without a result become unknown.';
comment on column herald.dispatch_batches.message_ids is 'The messages claimed.';
comment on column herald.dispatch_batches.open_messages is 'How many of them have no result yet.';
