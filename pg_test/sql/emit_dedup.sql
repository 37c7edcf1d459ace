-- A dedup key stands for one event of a type and target, for ever.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain', 'test.other');
call test.subscriber(2, 'test.plain');
call test.type('test.plain');
call test.type('test.other');

select emit_notification_event('test.plain', payload => '{"message": "a"}', target_user_id => test.person(1), dedup_key => 'k') as first \gset
select emit_notification_event('test.plain', payload => '{"message": "a"}', target_user_id => test.person(1), dedup_key => 'k') = :'first' as same;
-- The payload counts as jsonb, not as text; the other arguments do not count.
select emit_notification_event('test.plain', payload => '{ "message":"a" }', target_user_id => test.person(1), dedup_key => 'k',
    priority => 'urgent', scheduled_for => '2100-01-01') = :'first' as same;
-- Another payload is another fact.
select * from test.error($$select emit_notification_event('test.plain', payload => '{"message": "b"}', target_user_id => test.person(1), dedup_key => 'k')$$);
select * from test.error($$select emit_notification_event('test.plain', payload => null, target_user_id => test.person(1), dedup_key => 'k')$$);
-- Another target, no target, another type: other events.
select emit_notification_event('test.plain', payload => '{"message": "b"}', target_user_id => test.person(2), dedup_key => 'k') <> :'first' as other;
select emit_notification_event('test.other', payload => '{"message": "c"}', target_user_id => test.person(1), dedup_key => 'k') <> :'first' as other;
select emit_notification_event('test.plain', payload => '{"message": "d"}', dedup_key => 'k') as broadcast \gset
select emit_notification_event('test.plain', payload => '{"message": "d"}', dedup_key => 'k') = :'broadcast' as same;
select * from test.error($$select emit_notification_event('test.plain', payload => '{"message": "e"}', dedup_key => 'k')$$);
-- Twice in one statement.
select count(distinct emit_notification_event('test.plain', payload => '{"message": "f"}', dedup_key => 'twice')) from generate_series(1, 3);
-- NULL and {} payloads are the same; the empty string is a key like any other.
select emit_notification_event('test.plain', payload => null, dedup_key => '') = emit_notification_event('test.plain', payload => '{}', dedup_key => '') as same;
-- A key whose event is rolled back is free again.
begin;
select emit_notification_event('test.plain', payload => '{"message": "lost"}', dedup_key => 'again') is not null as ok;
rollback;
select emit_notification_event('test.plain', payload => '{"message": "kept"}', dedup_key => 'again') is not null as ok;
-- It stays used when the event is over.
select cancelled, too_late from cancel_notification_event(:'first');
select emit_notification_event('test.plain', payload => '{"message": "a"}', target_user_id => test.person(1), dedup_key => 'k') = :'first' as same;
-- Quarantined events keep their key too.
select emit_notification_event('test.unknown', payload => '{}', dedup_key => 'q') = emit_notification_event('test.unknown', payload => '{}', dedup_key => 'q') as same;

select body, count(*), min(status) as status from test.messages group by body order by body;

-- Under REPEATABLE READ too.
begin isolation level repeatable read;
select emit_notification_event('test.plain', payload => '{"message": "rr"}', dedup_key => 'rr') = emit_notification_event('test.plain', payload => '{"message": "rr"}', dedup_key => 'rr') as same;
commit;
