-- A fresh pg_herald for one test file, and words to write the tests in. Ids and times never reach the output: people are
-- numbers, texts are known by their words.
set client_min_messages = warning;
drop schema if exists herald cascade;
drop schema if exists test cascade;
drop extension if exists pg_herald cascade;
create extension pg_herald;
select herald_install() > 0 as installed \gset
create schema test;

-- What a statement raises, one line per field; uuids are hidden.
create function test.error(statement text) returns setof text language plpgsql as $$
declare
    code text; message text; detail text; hint text;
begin
    begin
        execute statement;
        return next 'no error';
        return;
    exception when others then
        get stacked diagnostics code = returned_sqlstate, message = message_text,
                                detail = pg_exception_detail, hint = pg_exception_hint;
    end;
    return query
        select regexp_replace(line, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<uuid>', 'g')
        from unnest(array[code || ': ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, '')]) as line
        where line is not null;
end
$$;

-- Person number n, and their number.
create function test.person(n integer) returns uuid language sql immutable as
    $$ select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
create function test.number(id uuid) returns integer language sql immutable as
    $$ select right(id::text, 12)::integer $$;
create function test.phone(n integer) returns text language sql immutable as
    $$ select '+1415555' || lpad(n::text, 4, '0') $$;
create function test.worker(n integer) returns uuid language sql immutable as
    $$ select ('11111111-1111-4111-8111-' || lpad(n::text, 12, '0'))::uuid $$;
create function test.sid(n integer) returns text language sql immutable as
    $$ select 'SM' || lpad(n::text, 32, '0') $$;

-- A person who can be texted at any hour, as often as it takes, and wants to hear of the event types named.
create procedure test.subscriber(n integer, variadic event_types text[] default '{}') language sql as $$
    insert into herald.user_notification_preferences (user_id, sms_enabled) values (test.person(n), true);
    insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, phone_verified_at, quiet_hours_start, quiet_hours_end, daily_sms_limit)
    values (test.person(n), test.phone(n), true, now(), '00:00', '00:00', 1000000);
    insert into herald.notification_subscriptions (user_id, event_type)
    select test.person(n), event_type from unnest(event_types) as event_type;
$$;

-- An event type whose text is the payload's message.
create procedure test.type(name text) language sql as
    $$ insert into herald.notification_event_types (event_type) values (name) $$;

create view test.deliveries as
    select e.event_type, test.number(d.recipient_user_id) as person, d.channel::text, d.status::text, d.suppress_reason as reason,
           m.status::text as message, m.message_content as body, m.priority::text,
           case when m.phone_number is not null then m.phone_number end as phone_number, d.event_id
    from herald.notification_deliveries d
    join herald.notification_events e on e.id = d.event_id
    left join herald.sms_messages m on m.notification_delivery_id = d.id;

create view test.messages as
    select m.message_content as body, m.status, m.cancel_reason as reason, m.attempt_count as attempts,
           d.status as delivery, m.twilio_sid is not null as has_sid, m.twilio_error_code as error,
           q.subject_id is not null as is_queued
    from herald.sms_messages m
    left join herald.notification_deliveries d on d.id = m.notification_delivery_id
    left join herald.queue_jobs q on q.subject_id = m.id;

-- Claims are remembered, so that a test can speak of a message by its words.
create table test.claims (
    place integer generated always as identity, worker uuid, batch_id uuid, message_id uuid, attempt integer, to_number text,
    body text, priority text, validity_seconds integer
);
create function test.claim(worker integer, most integer default 100)
returns table (body text, attempt integer, to_number text, priority text) language sql as $$
    with claimed as (
        insert into test.claims (worker, batch_id, message_id, attempt, to_number, body, priority, validity_seconds)
        select test.worker(worker), c.batch_id, c.message_id, c.attempt, c.to_number, c.body, c.priority, c.validity_seconds
        from claim_sms_messages(test.worker(worker), most) c
        returning claims.place, claims.body, claims.attempt, claims.to_number, claims.priority
    )
    select claimed.body, claimed.attempt, claimed.to_number, claimed.priority from claimed order by claimed.place
$$;

-- The result of the latest claim of a message, as complete_sms_messages takes it.
create function test.result(body text, outcome text, more jsonb default '{}') returns jsonb language sql stable as $$
    select jsonb_build_object('batch_id', c.batch_id, 'message_id', c.message_id, 'attempt', c.attempt, 'outcome', outcome) || more
    from test.claims c where c.body = result.body order by c.place desc limit 1
$$;
create function test.complete(worker integer, variadic results jsonb[])
returns table (body text, attempt integer, applied boolean, status text) language sql as $$
    select m.message_content, c.attempt, c.applied, c.status
    from complete_sms_messages(test.worker(worker), to_jsonb(results)) c
    left join herald.sms_messages m on m.id = c.message_id
    order by 1, 2, 3
$$;

-- A callback about a message, as record_twilio_callbacks takes it.
create function test.callback(body text, sid text, status text, error_code integer default null, attempt integer default 1)
returns jsonb language sql stable as $$
    select jsonb_build_object('message_id', m.id, 'attempt', callback.attempt, 'sid', callback.sid, 'status', callback.status,
                              'error_code', callback.error_code, 'idempotency_token', 'token',
                              'params', jsonb_build_object('MessageStatus', callback.status))
    from herald.sms_messages m where m.message_content = body
$$;
create function test.record(variadic callbacks jsonb[]) returns table (ordinal integer, result text) language sql as
    $$ select * from record_twilio_callbacks(to_jsonb(callbacks)) $$;

-- Queues a text for person n and gives it its words.
create procedure test.queue(n integer, body text, priority text default 'normal') language plpgsql as
    $$ begin perform queue_sms_message(test.person(n), test.phone(n), body, priority); end $$;

reset client_min_messages;
