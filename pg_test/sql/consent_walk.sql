-- A hundred lives of random steps, and a model in a few lines: the database says the same after each step.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
call test.type('test.plain');
create function test.inbound(n integer, body text, done_by_twilio text) returns void language sql as $$
    select record_twilio_inbound(jsonb_build_array(jsonb_build_object('message_sid', 'SM' || gen_random_uuid(), 'from', test.phone(n),
        'to', '+15005550006', 'body', body, 'done_by_twilio', done_by_twilio)))
$$;
-- Two people share the number over time: person n has it, then n + 1000 after an erasure.
create procedure test.life(n integer, steps integer) language plpgsql as $$
declare
    -- The model: is the number out, does Twilio block it, was it proven since it went out.
    is_out boolean := false;
    is_blocked boolean := false;
    is_proven boolean := false;
    lifts boolean := n % 2 = 0;
    who integer := n;
    step text;
    trace text := '';
    found record;
    sent integer;
begin
    call test.subscriber(n, 'test.plain');
    for i in 1..steps loop
        step := (array['stop', 'wide stop', 'start', 'our start', 'verify', 'opt out', 'refusal', 'by hand', 'erase', 'help', 'emit'])
                [1 + floor(random() * 11)::integer];
        trace := trace || step || ', ';
        case step
            when 'stop' then
                perform test.inbound(n, 'Stop', 'STOP');
                is_out := true; is_blocked := true; is_proven := false;
            when 'wide stop' then
                perform test.inbound(n, 'please don''t text me', null);
                is_out := true; is_proven := false;
            when 'start' then
                perform test.inbound(n, 'START', 'START');
                is_blocked := false;
                if lifts or is_proven then is_out := false; end if;
            when 'our start' then
                perform test.inbound(n, 'resubscribe', null);
                if not is_blocked and (lifts or is_proven) then is_out := false; end if;
            when 'verify' then
                update herald.user_sms_preferences set phone_verified_at = clock_timestamp(), phone_verified = true where user_id = test.person(who);
                if is_blocked then is_proven := true; else is_out := false; end if;
            when 'opt out' then
                perform opt_out_user(test.person(who));
                is_out := true; is_proven := false;
            when 'refusal' then
                if not is_out then
                    perform queue_sms_message(test.person(who), test.phone(n), 'refused ' || n || ' ' || i);
                    perform test.claim(1);
                    perform test.complete(1, test.result('refused ' || n || ' ' || i, 'rejected', '{"http_status": 400, "error_code": 21610}'));
                    is_out := true; is_blocked := true; is_proven := false;
                end if;
            when 'by hand' then
                update herald.user_sms_preferences set opted_out = false where user_id = test.person(who);
                if not is_blocked then is_out := false; end if;
            when 'erase' then
                perform erase_user(test.person(who));
                who := who + 1000;
                insert into herald.user_notification_preferences (user_id, sms_enabled) values (test.person(who), true);
                insert into herald.user_sms_preferences (user_id, phone_number, phone_verified) values (test.person(who), test.phone(n), true);
                insert into herald.notification_subscriptions (user_id, event_type) values (test.person(who), 'test.plain');
                is_proven := false;
            when 'help' then
                perform test.inbound(n, 'help', null);
            else null;
        end case;
        if not is_out then is_proven := false; end if;
        commit;
        select s.opted_out, s.provider_blocked, p.opted_out as flag into found
        from herald.user_sms_preferences p, get_sms_opt_out_status(p.user_id) s where p.user_id = test.person(who);
        if (found.opted_out, found.flag, found.provider_blocked) is distinct from (is_out, is_out, is_blocked) then
            raise exception 'life % after %: out %, blocked %, but the database says %', n, trace, is_out, is_blocked, found;
        end if;
        if step = 'emit' then
            perform emit_notification_event('test.plain', jsonb_build_object('message', 'text ' || n || ' ' || i), test.person(who));
            select count(*) into sent from test.claim(1) c where c.body = 'text ' || n || ' ' || i;
            if sent is distinct from (not is_out)::integer then
                raise exception 'life % after %: out %, but % texts were sent', n, trace, is_out, sent;
            end if;
        end if;
    end loop;
    assert (select count(*) from herald.sms_opt_outs where number_hash = herald.number_hash(test.phone(n))) = is_out::integer;
end
$$;
create procedure test.lives(seed double precision, how_many integer, steps integer) language plpgsql as $$
begin
    perform setseed(seed);
    for n in 1..how_many loop
        perform herald_set_setting('start_lifts_opt_out', to_jsonb((n % 2 = 0)::integer));
        call test.life(n, steps);
    end loop;
end
$$;
\set ECHO all
-- At any time of the day.
alter table herald.user_sms_preferences alter quiet_hours_start set default '00:00', alter quiet_hours_end set default '00:00';
call test.lives(0.42, 100, 25);
select count(*) > 500 as many, count(*) filter (where kind = 'opt_out') > 100 as stops from herald.sms_consent_events;
