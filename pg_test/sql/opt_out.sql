-- Opt-out by function, by Twilio's refusal and by whoever may write the row; the ledger; and its evidence.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
create view test.ledger as
    select test.number(user_id) as person, phone_number, kind, source, wording, message_sid, erased_at is not null as erased
    from herald.sms_consent_events order by occurred_at, id;
\set ECHO all
call test.type('test.plain');
call test.subscriber(1, 'test.plain');
call test.subscriber(2, 'test.plain');

select * from test.error('select opt_out_user(null)');
select * from test.error('select opt_out_user(test.person(1), null)');
select * from test.error($$select opt_out_user(test.person(1), ' ')$$);
select * from test.error('select get_sms_opt_out_status(null)');

-- By function.
select opted_out, next_step from get_sms_opt_out_status(test.person(1));
call test.queue(1, 'waits');
call test.queue(1, 'claimed', 'high');
select body from test.claim(1, 1);
select * from opt_out_user(test.person(1), 'clicked in the profile');
select body, status, reason from test.messages order by body;
select opted_out, opted_out_at is not null as has_time, opt_out_reason, provider_blocked, next_step from get_sms_opt_out_status(test.person(1));
select * from opt_out_user(test.person(1));
select * from test.ledger;
-- Somebody we do not know, with and without a number.
select * from opt_out_user(test.person(7));
select opted_out, opt_out_reason, provider_blocked, next_step from get_sms_opt_out_status(test.person(7));
select opted_out, next_step from get_sms_opt_out_status(test.person(8));
-- A verification ends it; a stale one does not.
update herald.user_sms_preferences set phone_verified_at = now() - interval '1 year' where user_id = test.person(1);
select opted_out from get_sms_opt_out_status(test.person(1));
update herald.user_sms_preferences set phone_verified_at = now() where user_id = test.person(1);
select opted_out, opted_out_at, opt_out_reason, next_step from get_sms_opt_out_status(test.person(1));
select count(*) from herald.sms_opt_outs;

-- By whoever may write the row: noted, spread to everybody with the number, cancelled; and lifted with evidence.
insert into herald.user_sms_preferences (user_id, phone_number) values (test.person(3), test.phone(1));
call test.queue(1, 'waits again');
update herald.user_sms_preferences set opted_out = true, opt_out_reason = 'by letter' where user_id = test.person(3);
select test.number(user_id) as person, opted_out, opt_out_reason from herald.user_sms_preferences where phone_number = test.phone(1) order by 1;
select body, status, reason from test.messages where body = 'waits again';
update herald.user_sms_preferences set opted_out = false where user_id = test.person(1);
select test.number(user_id) as person, opted_out, opt_out_reason from herald.user_sms_preferences where phone_number = test.phone(1) order by 1;
select person, kind, source, regexp_replace(wording, 'role .*', 'role …') as wording from test.ledger where kind = 'admin';
-- An opt-out stays with the number when the number moves on, and does not go with the person who proves another one.
update herald.user_sms_preferences set opted_out = true where user_id = test.person(1);
update herald.user_sms_preferences set phone_number = test.phone(11), phone_verified_at = clock_timestamp() where user_id = test.person(1);
select opted_out from get_sms_opt_out_status(test.person(1));
delete from herald.user_sms_preferences where user_id = test.person(3);
insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, phone_verified_at) values (test.person(4), test.phone(1), true, now());
select opted_out, provider_blocked from get_sms_opt_out_status(test.person(4));

-- By Twilio's refusal, now and later: what waits is cancelled, and only START helps.
call test.queue(2, 'refused');
select body from test.claim(1);
call test.queue(2, 'waits for a refusal');
select * from test.complete(1, test.result('refused', 'rejected', '{"http_status": 400, "error_code": 21610}'));
select body, status, reason from test.messages where body like '%refus%' order by body;
select opted_out, opt_out_reason, provider_blocked, next_step from get_sms_opt_out_status(test.person(2));
update herald.user_sms_preferences set opted_out = false where user_id = test.person(2);
update herald.user_sms_preferences set opted_out = false, phone_verified_at = clock_timestamp() where user_id = test.person(2);
select opted_out, next_step from get_sms_opt_out_status(test.person(2));
-- Also a number that is nobody's.
select queue_sms_message(test.person(9), '+14155550199', 'to a stranger') is not null as ok;
select body from test.claim(1);
select queue_sms_message(test.person(9), '+14155550199', 'to the stranger again') is not null as ok;
select * from test.complete(1, test.result('to a stranger', 'accepted', '{"sid": "SMs", "twilio_status": "accepted"}'));
select result from test.record(test.callback('to a stranger', 'SMs', 'failed', 30630));
select body from test.claim(1);
select body, status, reason from test.messages where body like 'to %' order by body;

-- The ledger: nobody changes it, the owner of the table neither.
select * from test.error($$update herald.sms_consent_events set kind = 'opt_in'$$);
select * from test.error($$update herald.sms_consent_events set phone_number = '+14155550000'$$);
select * from test.error($$update herald.sms_consent_events set erased_at = now(), phone_number = null, kind = 'opt_in'$$);
select * from test.error($$update herald.sms_consent_events set phone_number = null$$);
select * from test.error($$update herald.sms_consent_events set wording = null$$);
select * from test.error('delete from herald.sms_consent_events');
select * from test.error('truncate herald.sms_consent_events');
set session_replication_role = replica;
select * from test.error('delete from herald.sms_consent_events');
reset session_replication_role;
select * from test.error($$insert into herald.sms_consent_events (kind, source) values ('help', 'x')$$) limit 1;

-- As evidence, in one order.
select * from test.error($$select export_consent_evidence(p_phone_number => 'call me')$$);
select place, test.number(user_id) as person, phone_number, length(number_hash) as hash, kind, source, left(wording, 12) as wording, message_sid, length(digest) as digest
from export_consent_evidence(test.person(1));
select place, test.number(user_id) as person, kind, source from export_consent_evidence(p_phone_number => '+14155550199');
select count(*) = (select count(*) from herald.sms_consent_events), count(distinct digest) = count(*) as chained,
       array_agg(digest order by place) = (select array_agg(digest order by place) from export_consent_evidence()) as stable
from export_consent_evidence();
-- The digest is what the comment says.
create function test.field(value text) returns bytea language sql as
    $$ select case when value is null then '\xffffffffffffffff'::bytea else int8send(octet_length(value)) || convert_to(value, 'UTF8') end $$;
with recursive e as (select * from export_consent_evidence()),
chain as (
    select 0::bigint as place, '' as digest
    union all
    select e.place, encode(sha256(test.field(chain.digest)
        || test.field(to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) || test.field(e.user_id::text)
        || test.field(e.number_hash) || test.field(e.kind) || test.field(e.source) || test.field(e.message_sid)), 'hex')
    from chain join e on e.place = chain.place + 1
)
select count(*) > 5 as many, bool_and(chain.digest = e.digest) as right from chain join e using (place);
