-- What ties the tables to the extension: made by herald_install() when it is missing, gone with DROP EXTENSION … CASCADE.
create constraint trigger queue_jobs_wake after insert on herald.queue_jobs
    deferrable initially deferred
    for each row when (new.wakes) execute function {ext}.herald_wake();
comment on trigger queue_jobs_wake on herald.queue_jobs is 'Tells the daemons at commit that something is due.';
