-- emit_notification_event: which call means which overload, and what the arguments become.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
create view test.latest as
    select event_source, payload, metadata, test.number(actor_user_id) as actor, test.number(target_user_id) as target, status
    from herald.notification_events order by id desc limit 1;

-- The short overload.
select emit_notification_event('test.plain', payload => '{"message": "a"}') is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', '{"message": "b"}'::jsonb) is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', '{"message": "c"}'::jsonb, target_user_id => test.person(1), actor_user_id => test.person(2)) is not null as ok;
select * from test.latest;
select emit_notification_event(event_type => 'test.plain', payload => '{"message": "d"}', target_user_id => test.person(1)) is not null as ok;
select * from test.latest;

-- The origin's.
select emit_notification_event(p_event_type := 'test.plain', p_payload := '{"message": "e"}') is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', 'worker_job', test.person(2), test.person(1), '{"message": "f"}'::jsonb, '{"note": 1}', null) is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', 'database_trigger', test.person(2), null, jsonb_build_object('message', 'f2')) is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', 'worker_job') is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain') is not null as ok;
select * from test.latest;

-- Seven values in a row without types fit both: one cast decides.
select * from test.error($$select emit_notification_event('test.plain', 'worker_job', test.person(2), test.person(1), '{}', '{}', null)$$);
-- An untyped literal lands in the source's place and is meant as the payload.
select emit_notification_event('test.plain', '{"message": "g"}') is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', ' {"message": "h", "n": 1.50}') is not null as ok;
select * from test.latest;
-- No object: a source that nobody knows.
select emit_notification_event('test.plain', '{broken', p_payload => '{"message": "i"}') is not null as ok;
select * from test.latest;
select emit_notification_event('test.plain', '[1]', p_payload => '{"message": "j"}') is not null as ok;
select * from test.latest;
select problems, status from herald.notification_events where payload ->> 'message' in ('i', 'j') order by id;

-- Each known source.
select source, emit_notification_event('test.plain', source, p_payload => jsonb_build_object('message', source)) is not null as ok
from unnest('{database_trigger,worker_job,api_action,cron_scheduler}'::text[]) as source;
select event_source, problems from herald.notification_events where payload ->> 'message' = event_source order by id;

-- The payload is stored as it came.
select emit_notification_event('test.plain', '{"message": "k", "big": 123456789012345678901234567890.10, "nested": {"x": [null, true]}}'::jsonb) is not null as ok;
select payload from test.latest;

select body, status, delivery from test.messages order by body;
select count(*) filter (where status = 'quarantined') as without_text from herald.notification_events;

-- Events' ids ascend.
select array_agg(id order by created_at, id) = array_agg(id order by id) as in_order from herald.notification_events;

-- Correlation ids come from the payload or the metadata, in both spellings.
select emit_notification_event('test.plain', payload => '{"message": "l", "correlation_id": "00000000-0000-0000-0000-00000000000a"}') is not null as ok;
select emit_notification_event('test.plain', payload => '{"message": "m", "correlationId": "00000000-0000-0000-0000-00000000000b"}') is not null as ok;
select emit_notification_event('test.plain', p_payload => '{"message": "n"}', p_metadata => '{"correlation_id": "00000000-0000-0000-0000-00000000000c"}') is not null as ok;
select emit_notification_event('test.plain', p_payload => '{"message": "o"}', p_metadata => '{"correlationId": "00000000-0000-0000-0000-00000000000d"}') is not null as ok;
select e.payload ->> 'message' as body, right(e.correlation_id::text, 1) as event, right(d.correlation_id::text, 1) as delivery
from herald.notification_events e join herald.notification_deliveries d on d.event_id = e.id
where e.correlation_id is not null order by 1;
