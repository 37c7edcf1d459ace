-- The rest of the sending protocol: doubts are settled, silence is ended by asking, and sending is armed for one database only.

insert into herald.settings (name, kind, value, minimum, maximum, description) values
    ('late_acceptance_seconds', 'integer', '35', 1, 3600,
     'Twilio may accept a text this long after the request began, whatever the client saw. Twilio gives up after 26 to 30 s: lower it against a simulator only.'),
    ('listing_lag_seconds', 'integer', '30', 0, 3600,
     'A message that Twilio accepted is in its list after this time, in seconds.'),
    ('decision_wait_seconds', 'integer', '120', 1, 86400,
     'A text in doubt is looked for in Twilio''s list this long after its request, in seconds; at least late_acceptance_seconds + listing_lag_seconds, or texts are sent twice.'),
    ('listing_gap_seconds', 'integer', '30', 1, 3600,
     'Twilio''s list must lack a text twice, this far apart in seconds, before it counts as not sent.'),
    ('clock_skew_seconds', 'integer', '30', 0, 600,
     'How far Twilio''s clock and the database''s may differ when a text is looked for in Twilio''s list, in seconds.'),
    ('stale_poll_first_seconds', 'integer', '300', 1, 86400,
     'A text of which nothing final is heard is looked up at Twilio this long after its acceptance, in seconds.'),
    ('stale_poll_second_seconds', 'integer', '3600', 1, 604800, 'And again after this time, in seconds.'),
    ('stale_poll_third_seconds', 'integer', '86400', 1, 1209600, 'And again after this time, in seconds.'),
    ('stale_end_seconds', 'integer', '259200', 1, 2592000,
     'And once more after this time, in seconds; then it stays as it is, since some carriers never report more than sent.');

create view herald.protocol_times as
    select make_interval(secs => greatest(s.decision_wait, s.late_acceptance + s.listing_lag)) as decision_wait,
           make_interval(secs => s.late_acceptance) as late_acceptance,
           make_interval(secs => s.listing_gap) as listing_gap,
           make_interval(secs => s.clock_skew) as clock_skew,
           make_interval(secs => s.first) as poll_first,
           make_interval(secs => s.second) as poll_second,
           make_interval(secs => s.third) as poll_third,
           make_interval(secs => s.soft_end) as poll_end
    from (
        select max((value #>> '{}')::double precision) filter (where name = 'decision_wait_seconds') as decision_wait,
               max((value #>> '{}')::double precision) filter (where name = 'late_acceptance_seconds') as late_acceptance,
               max((value #>> '{}')::double precision) filter (where name = 'listing_lag_seconds') as listing_lag,
               max((value #>> '{}')::double precision) filter (where name = 'listing_gap_seconds') as listing_gap,
               max((value #>> '{}')::double precision) filter (where name = 'clock_skew_seconds') as clock_skew,
               max((value #>> '{}')::double precision) filter (where name = 'stale_poll_first_seconds') as first,
               max((value #>> '{}')::double precision) filter (where name = 'stale_poll_second_seconds') as second,
               max((value #>> '{}')::double precision) filter (where name = 'stale_poll_third_seconds') as third,
               max((value #>> '{}')::double precision) filter (where name = 'stale_end_seconds') as soft_end
        from herald.settings
        where name in ('decision_wait_seconds', 'late_acceptance_seconds', 'listing_lag_seconds', 'listing_gap_seconds',
                       'clock_skew_seconds', 'stale_poll_first_seconds', 'stale_poll_second_seconds',
                       'stale_poll_third_seconds', 'stale_end_seconds')
    ) s;
comment on view herald.protocol_times is 'The times of the sending protocol as intervals; one row, made from herald.settings.';
comment on column herald.protocol_times.decision_wait is 'From the end of a request in doubt to the first look into Twilio''s list; never below late acceptance + listing lag.';
comment on column herald.protocol_times.late_acceptance is 'How long after a request''s begin Twilio may still accept it.';
comment on column herald.protocol_times.listing_gap is 'Between the two lists that must lack a text.';
comment on column herald.protocol_times.clock_skew is 'How far Twilio''s clock may differ.';
comment on column herald.protocol_times.poll_first is 'From acceptance to the first question about its status.';
comment on column herald.protocol_times.poll_second is 'From acceptance to the second.';
comment on column herald.protocol_times.poll_third is 'From acceptance to the third.';
comment on column herald.protocol_times.poll_end is 'From acceptance to the last.';

alter table herald.notification_event_types
    add column unknown_policy text not null default 'resolve'
    constraint notification_event_types_unknown_policy_check
    check (unknown_policy in ('resolve', 'at_least_once', 'at_most_once'));
comment on column herald.notification_event_types.unknown_policy is
    'When nobody knows whether Twilio took a text: resolve finds out and sends again only what was not taken; at_least_once sends again at once (alarms, codes: two texts are better than none); at_most_once finds out and never sends again.';

alter table herald.sms_send_attempts
    add column resolve_at timestamptz,
    add column resolve_claim uuid,
    add column resolve_claimed_at timestamptz,
    add column absent_at timestamptz,
    add column poll_at timestamptz;
alter table herald.sms_send_attempts drop constraint sms_send_attempts_resolved_check;
alter table herald.sms_send_attempts
    add constraint sms_send_attempts_resolved_check
    check (resolved_by in ('callback', 'list', 'fetch', 'deadline', 'operator', 'policy'));
comment on column herald.sms_send_attempts.resolved_by is
    'What settled an unknown outcome: callback, list (Twilio''s list of messages), fetch, deadline, operator; policy: it was sent again without waiting for that (at_least_once).';
comment on column herald.sms_send_attempts.resolve_at is 'When an attempt in doubt is looked for in Twilio''s list next; NULL = not in doubt.';
comment on column herald.sms_send_attempts.resolve_claim is 'Who is looking: what is found counts only with this id.';
comment on column herald.sms_send_attempts.resolve_claimed_at is 'When that look began.';
comment on column herald.sms_send_attempts.absent_at is 'When Twilio''s list lacked it for the first time.';
comment on column herald.sms_send_attempts.poll_at is 'When Twilio is asked for its status next; NULL = not to be asked.';
-- Rows that are settled are in none of the first two; the third only ever grows at its end.
create index sms_send_attempts_resolve_idx on herald.sms_send_attempts (resolve_at) where resolve_at is not null;
create index sms_send_attempts_poll_idx on herald.sms_send_attempts (poll_at) where poll_at is not null;
create index sms_send_attempts_accepted_idx on herald.sms_send_attempts (finished_at) where outcome = 'accepted';
comment on index herald.sms_send_attempts_resolve_idx is 'What is in doubt, by the time of the next look.';
comment on index herald.sms_send_attempts_poll_idx is 'What Twilio is to be asked about.';
comment on index herald.sms_send_attempts_accepted_idx is 'Acceptances in order of time: finds silent ones, and the last success.';
update herald.sms_send_attempts set resolve_at = now() where outcome = 'unknown';

create table herald.watermarks (
    name       text        not null primary key,
    reached_at timestamptz not null
);
comment on table herald.watermarks is 'How far a pass over time has come.';
comment on column herald.watermarks.name is 'stale: acceptances up to here have been checked for silence.';
comment on column herald.watermarks.reached_at is 'The time it has reached.';
insert into herald.watermarks (name, reached_at) values ('stale', now());

create table herald.installation (
    only_row          boolean     not null default true primary key constraint installation_only_row_check check (only_row),
    install_id        uuid        not null,
    system_identifier text        not null,
    timeline          integer     not null,
    database_oid      bigint      not null,
    installed_at      timestamptz not null default pg_catalog.now()
);
comment on table herald.installation is 'Where these tables were made; a copy or a restore of them is somewhere else, and the daemon notices.';
comment on column herald.installation.only_row is 'There is one row.';
comment on column herald.installation.install_id is 'Random, never changes; the daemon keeps a copy in its state directory.';
comment on column herald.installation.system_identifier is 'Of the cluster, from pg_control_system().';
comment on column herald.installation.timeline is 'Of the cluster at that time.';
comment on column herald.installation.database_oid is 'Of the database.';
comment on column herald.installation.installed_at is 'When.';
insert into herald.installation (install_id, system_identifier, timeline, database_oid)
select gen_random_uuid(), c.system_identifier::text, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer, d.oid::bigint
from pg_control_system() c, pg_database d
where d.datname = current_database();

create table herald.armings (
    id                uuid        not null primary key,
    armed_at          timestamptz not null default pg_catalog.now(),
    armed_by          text        not null,
    system_identifier text        not null,
    timeline          integer     not null,
    database_oid      bigint      not null,
    reason            text        not null,
    quarantined       integer     not null default 0
);
create index armings_time_idx on herald.armings (armed_at desc);
comment on index herald.armings_time_idx is 'The latest counts.';
comment on table herald.armings is
    'For which database sending was armed, append-only. The latest row must name the database it is in, or no daemon sends.';
comment on column herald.armings.id is 'Random; daemons keep it in their state directories.';
comment on column herald.armings.armed_at is 'When.';
comment on column herald.armings.armed_by is 'The database role.';
comment on column herald.armings.system_identifier is 'Of the cluster it was armed for.';
comment on column herald.armings.timeline is 'Timeline it was armed for: a promotion or a point-in-time recovery begins another one.';
comment on column herald.armings.database_oid is 'Database it was armed for.';
comment on column herald.armings.reason is 'first (new installation, by the daemon itself), or operator.';
comment on column herald.armings.quarantined is 'How many texts that waited then are looked for at Twilio before they may go.';

create view herald.unknown_messages as
    select a.message_id, a.attempt, m.user_id, a.reason, a.http_status, a.started_at, a.resolve_at as next_look_at,
           a.absent_at is not null as absent_once, pg_catalog.now() - a.finished_at as age
    from herald.sms_send_attempts a
    join herald.sms_messages m on m.id = a.message_id
    where a.resolve_at is not null;
comment on view herald.unknown_messages is
    'Texts of which nobody knows whether Twilio took them. They settle themselves; resolve_sms_message() decides one by hand.';
comment on column herald.unknown_messages.message_id is 'The message.';
comment on column herald.unknown_messages.attempt is 'The attempt in doubt.';
comment on column herald.unknown_messages.user_id is 'Whom it is for.';
comment on column herald.unknown_messages.reason is 'Why: timeout, reset, lease_expired, quarantine, …; NULL with an HTTP status.';
comment on column herald.unknown_messages.http_status is 'Twilio''s answer, if one came.';
comment on column herald.unknown_messages.started_at is 'When the request began.';
comment on column herald.unknown_messages.next_look_at is 'When Twilio''s list is looked at next.';
comment on column herald.unknown_messages.absent_once is 'True: it was not in the list once; a second time, and it counts as not sent.';
comment on column herald.unknown_messages.age is 'Time since the doubt arose.';

create view herald.dead_letters as
    select m.id as message_id, m.user_id, m.status, m.failed_at, m.attempt_count, m.twilio_error_code,
           m.twilio_error_message as reason, m.error_category, e.event_type, e.id as event_id
    from herald.sms_messages m
    left join herald.notification_deliveries d on d.id = m.notification_delivery_id
    left join herald.notification_events e on e.id = d.event_id
    where m.status in ('failed', 'undelivered');
comment on view herald.dead_letters is 'Texts that failed for good. requeue_sms_messages() gives them another chance.';
comment on column herald.dead_letters.message_id is 'The message.';
comment on column herald.dead_letters.user_id is 'Whom it was for.';
comment on column herald.dead_letters.status is 'failed, or undelivered by the carrier.';
comment on column herald.dead_letters.failed_at is 'When it was given up.';
comment on column herald.dead_letters.attempt_count is 'Attempts made.';
comment on column herald.dead_letters.twilio_error_code is 'Twilio''s error code.';
comment on column herald.dead_letters.reason is 'Why, in words.';
comment on column herald.dead_letters.error_category is 'Group of the error.';
comment on column herald.dead_letters.event_type is 'Type of its event; NULL for a text queued directly.';
comment on column herald.dead_letters.event_id is 'Its event.';
