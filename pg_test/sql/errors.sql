-- The error catalogue: every code is judged by its own row wherever it is seen; what is not in it by a default.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');

-- Bad input.
select * from test.error($$select classify_twilio_error(30003, null)$$);
select * from test.error($$select classify_twilio_error(30003, 'nowhere')$$);

-- On no surface, with no status, is a code shadowed by a default or by a neighbour.
select place, count(*) filter (where r.rule = c.code and not r.is_default) as own, count(*) as codes
from herald.twilio_error_codes c
cross join unnest('{request,callback,verify,lookup}'::text[]) as place
cross join unnest('{null,400,404,429,500}'::integer[]) as status
cross join lateral classify_twilio_error(c.code, place, status) r
where c.code > 0
group by place order by place;
-- Unknown ones, and answers without a code, by surface, status and family.
select surface, status, code, r.rule, r.is_default, r.category, r.retry, r.scope, r.action
from (values ('request', 400, null::integer), ('request', 400, 21999), ('request', 401, null), ('request', 403, null), ('request', 404, null),
             ('request', 429, null), ('request', 500, null), ('request', 503, 1), ('callback', null, null), ('callback', null, 30999),
             ('callback', null, 20999), ('callback', null, 63999), ('verify', 400, 60999), ('verify', 429, null), ('verify', 500, null),
             ('lookup', 500, null)) as v (surface, status, code)
cross join lateral classify_twilio_error(code, surface, status) r;
-- The owner's rows count: an edited one, and one for a code that the library does not know.
begin;
update herald.twilio_error_codes set retry = 'never', category = 'mine' where code in (30003, -5);
insert into herald.twilio_error_codes select (jsonb_populate_record(c, '{"code": 30999, "category": "also mine"}')).* from herald.twilio_error_codes c where code = 30003;
select code, r.rule, r.is_default, r.category, r.retry from unnest('{30003,30998,30999}'::integer[]) as code, classify_twilio_error(code) r;
rollback;

-- All codes through the functions that the daemon calls: what becomes of the text, the number and the scope.
create table test.walk (
    surface text, code integer, status text, delivery text, attempts integer, outcome text, is_right boolean, opted_out boolean,
    is_invalid boolean, breaker text, waits boolean
);
create procedure test.walk(code integer, surface text, http integer) language plpgsql as $$
declare
    words text := surface || ' ' || code;
    answer jsonb := jsonb_build_object('http_status', http, 'error_code', code, 'sender', 'MG1');
    sid text := 'SM' || code;
begin
    perform emit_notification_event('test.plain', payload => jsonb_build_object('message', words));
    perform from test.claim(1);
    if surface = 'request' then
        perform from test.complete(1, test.result(words, case when http >= 500 then 'unknown' else 'rejected' end, answer));
    else
        perform from test.complete(1, test.result(words, 'accepted', jsonb_build_object('sid', sid, 'http_status', 201)));
        perform from test.record(test.callback(words, sid, 'undelivered', code) || '{"params": {"MessagingServiceSid": "MG1"}}');
    end if;
    insert into test.walk
    select walk.surface, walk.code, m.status, d.status, m.attempt_count, a.outcome,
           (m.error_category = c.category or m.status = 'unknown') and m.twilio_error_message = c.meaning and m.twilio_error_code = c.code
               and a.error_code = c.code,
           p.opted_out, not p.phone_verified and p.phone_invalid_reason = 'twilio_' || c.code,
           b.scope || coalesce(' ' || nullif(b.key, ''), ''), q.run_at > now()
    from herald.sms_messages m
    join herald.notification_deliveries d on d.id = m.notification_delivery_id
    join herald.twilio_error_codes c on c.code = walk.code
    join herald.sms_send_attempts a on a.message_id = m.id
    cross join herald.user_sms_preferences p
    left join herald.breakers b on b.error_code = walk.code
    left join herald.queue_jobs q on q.subject_id = m.id
    where m.message_content = words;
    delete from herald.queue_jobs;
    delete from herald.breakers;
    delete from herald.sms_opt_outs;
    update herald.user_sms_preferences set phone_verified = true, phone_invalid_reason = null, opted_out = false;
end
$$;
do $$
declare
    c record;
begin
    for c in select code, surface, coalesce(substring(surface from '[0-9]+')::integer, 400) as http from herald.twilio_error_codes where code > 0 order by code loop
        if c.surface ~ 'request' then call test.walk(c.code, 'request', c.http); end if;
        if c.surface ~ 'callback' then call test.walk(c.code, 'callback', null); end if;
    end loop;
end
$$;
-- Every code has been seen on each surface that it names, and was judged by its own row.
select surface, count(*), count(*) filter (where is_right) as by_its_own_row from test.walk group by surface order by surface;
select count(*) as missed from herald.twilio_error_codes c
cross join unnest('{request,callback}'::text[]) as place
where c.code > 0 and c.surface ~ place and not exists (select from test.walk w where w.code = c.code and w.surface = place);
-- What came of them, by what the row asks for.
select w.surface, c.retry, c.counts_attempt as counts, w.status, w.delivery, w.attempts, w.outcome, w.waits, count(*)
from test.walk w join herald.twilio_error_codes c using (code) group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7;
select c.action, w.opted_out, w.is_invalid, w.breaker, count(*), case when count(*) < 15 then string_agg(w.code::text, ' ' order by w.code) end as codes
from test.walk w join herald.twilio_error_codes c using (code) group by 1, 2, 3, 4 order by 1, 2, 3, 4;
-- Verify has its own caller; its codes are rows of their own too.
select c.code, r.rule = c.code as own, r.category, r.retry, r.action from herald.twilio_error_codes c
cross join lateral classify_twilio_error(c.code, 'verify', substring(c.surface from '[0-9]+')::integer) r
where c.surface ~ 'verify' and c.code > 0 order by c.code;
