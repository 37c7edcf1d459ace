-- Bad input does not abort the transaction: the event is kept in quarantine with its problems. Strict types raise.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain', 'task.due_soon', 'test.strict', 'test.missing', 'user.welcome');
call test.type('test.plain');
create function test.emitted(event_type text, payload jsonb, priority text default null)
returns table (status text, event_priority text, problems text[]) language plpgsql as $$
declare
    event uuid := emit_notification_event(emitted.event_type, payload => emitted.payload, target_user_id => test.person(1),
                                          priority => emitted.priority);
begin
    return query select e.status::text, e.priority::text, e.problems from herald.notification_events e where id = event;
end
$$;

-- Nothing wrong.
select * from test.emitted('test.plain', '{"message": "fine"}');
-- The registry does not know it.
select * from test.emitted('test.nobody', '{"message": "x"}');
select * from test.emitted('', '{}');
select * from test.emitted('Not a name!', '{}');
-- The payload lacks what the text needs.
select * from test.emitted('task.due_soon', '{}');
select * from test.emitted('task.due_soon', '{"task_name": "Milk"}');
select * from test.emitted('task.due_soon', '{"task_name": "Milk", "due_time": null}');
select * from test.emitted('test.plain', '{}');
-- The text is empty or too long.
select * from test.emitted('test.plain', '{"message": "  "}');
select status, problems from test.emitted('test.plain', jsonb_build_object('message', repeat('x', 1601)));
select status, problems from test.emitted('test.plain', jsonb_build_object('message', repeat('x', 1600)));
-- No object at all: filters and variables would find nothing.
select * from test.emitted('user.welcome', '"text"');
select * from test.emitted('user.welcome', '[]');
select * from test.emitted('user.welcome', 'null');
select * from test.emitted('user.welcome', '{}');
-- The correlation id is none.
select * from test.emitted('test.plain', '{"message": "x", "correlation_id": "abc"}');
select * from test.emitted('test.plain', '{"message": "x", "correlationId": 5}');
-- The priority is none.
select * from test.emitted('test.plain', '{"message": "x"}', 'extreme');
-- The template is not there, or cannot be read.
insert into herald.notification_event_types (event_type, template_key) values ('test.missing', 'no_such_template'), ('test.broken', 'broken');
select * from test.emitted('test.missing', '{}');
-- (Such a one is refused when it is written; here it comes past the check, as from an older installation.)
alter table herald.sms_templates disable trigger guard_template_insert;
insert into herald.sms_templates (template_key, name, message_template) values ('broken', 'Broken', 'Hello {{name');
alter table herald.sms_templates enable trigger guard_template_insert;
select * from test.emitted('test.broken', '{}');
-- Several at once.
select * from test.emitted('task.due_soon', '{"correlation_id": "abc"}', 'extreme');

-- Strict types raise instead, and leave nothing.
insert into herald.notification_event_types (event_type, strict) values ('test.strict', true);
select * from test.error($$select emit_notification_event('test.strict', payload => '{}')$$);
select * from test.error($$select emit_notification_event('test.strict', payload => '{"message": "x", "correlation_id": "abc"}', priority => 'extreme')$$);
select * from test.error($$select emit_notification_event('test.strict', payload => '[]')$$);
select * from test.emitted('test.strict', '{"message": "right"}');
-- A source that nobody knows is a note, even there.
select emit_notification_event('test.strict', 'elsewhere', p_payload => '{"message": "noted"}') as event \gset
select event_source, status, problems from herald.notification_events where id = :'event';
select count(*) from herald.notification_events where event_type = 'test.strict';

-- A quarantined event has no deliveries and nothing waits for it; the right ones are on their way.
select count(*) from herald.notification_deliveries d join herald.notification_events e on e.id = d.event_id where e.status = 'quarantined';
select left(body, 20) as body, status from test.messages order by body collate "C";
