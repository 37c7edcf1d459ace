-- What the columns of the busy tables take: the CHECK of each table hands every value to a domain, which refuses what is no word.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
select emit_notification_event('test.plain', '{"message": "x"}'::jsonb, test.person(1)) is not null as emitted;
select "table", "column", value, refused.line
from (values
        (1, 'notification_events', 'event_source', 'somewhere'),
        (2, 'notification_events', 'priority', 'whenever'),
        (3, 'notification_events', 'status', 'lost'),
        (4, 'notification_deliveries', 'channel', 'pigeon'),
        (5, 'notification_deliveries', 'status', 'lost'),
        (6, 'notification_deliveries', 'suppress_reason', 'none'),
        (7, 'sms_messages', 'phone_number', '555'),
        (8, 'sms_messages', 'phone_number', null),
        (9, 'sms_messages', 'message_content', ''),
        (10, 'sms_messages', 'status', 'lost'),
        (11, 'sms_messages', 'priority', 'whenever'),
        (12, 'sms_messages', 'max_attempts', '0'),
        (13, 'sms_messages', 'encoding', 'morse'),
        (14, 'sms_messages', 'encoding', null),
        (15, 'queue_jobs', 'job_type', 'rest')) as wrong (place, "table", "column", value)
cross join lateral (select line from test.error(format('update herald.%I set %I = %L', "table", "column", value)) as line
                    where line not like 'DETAIL%') refused
order by place;
