-- record_twilio_callbacks(): found by our id, forward only, harmless when repeated, never lost.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
call test.subscriber(1, 'test.plain');
call test.type('test.plain');
-- A text that Twilio has accepted under a SID, or, without one, that is claimed.
create procedure test.send(body text, sid text default null) language plpgsql as $$
begin
    perform emit_notification_event('test.plain', payload => jsonb_build_object('message', body));
    perform from test.claim(1);
    if sid is not null then
        perform from test.complete(1, test.result(body, 'accepted', jsonb_build_object('sid', sid, 'twilio_status', 'queued')));
    end if;
end
$$;
create view test.state as
    select m.message_content as body, m.status, m.twilio_status as word, d.status as delivery, m.sent_at is not null as sent,
           m.delivered_at is not null as delivered, m.failed_at is not null as failed, m.twilio_error_code as error
    from herald.sms_messages m left join herald.notification_deliveries d on d.id = m.notification_delivery_id;

-- Bad input.
select * from test.error($$select record_twilio_callbacks('{}')$$);
select * from test.error($$select record_twilio_callbacks('[null]')$$);
select * from test.error($$select record_twilio_callbacks('[{"sid": "SM1", "status": "sent"}, {"sid": "SM1"}]')$$);
select * from test.error($$select record_twilio_callbacks('[{"sid": null, "status": "sent"}]')$$);
select count(*) from record_twilio_callbacks('[]');

-- Every word of Twilio's, on a text that Twilio has.
create temp table word (place serial, word text);
insert into word (word) values ('accepted'), ('scheduled'), ('queued'), ('sending'), ('sent'), ('partially_delivered'), ('delivered'),
    ('undelivered'), ('failed'), ('canceled'), ('read'), ('receiving'), ('received'), ('nonsense'), ('');
do $$
declare w text;
begin
    for w in select word from word loop call test.send('word ' || w, 'SM ' || w); end loop;
end
$$;
select word, r.result from word, record_twilio_callbacks(jsonb_build_array(test.callback('word ' || word, 'SM ' || word, word))) r order by place;
select s.* from word join test.state s on s.body = 'word ' || word.word order by place;

-- The usual way, each twice, in order.
call test.send('in order', 'SM1');
select * from test.record(test.callback('in order', 'SM1', 'queued'));
select * from test.record(test.callback('in order', 'SM1', 'sent'));
select * from test.record(test.callback('in order', 'SM1', 'sent'));
select * from test.record(test.callback('in order', 'SM1', 'delivered'));
select * from test.record(test.callback('in order', 'SM1', 'delivered'), test.callback('in order', 'SM1', 'sent'));
select * from test.state where body = 'in order';
-- Backwards: delivered first, the rest is stale.
call test.send('backwards', 'SM2');
select * from test.record(test.callback('backwards', 'SM2', 'delivered'));
select * from test.record(test.callback('backwards', 'SM2', 'sent'));
select * from test.record(test.callback('backwards', 'SM2', 'undelivered', 30003));
select * from test.state where body = 'backwards';
-- In one call the furthest counts, wherever it stands; a repetition within the call is one too.
call test.send('at once', 'SM3');
select * from test.record(test.callback('at once', 'SM3', 'delivered'), test.callback('at once', 'SM3', 'sent'),
    test.callback('at once', 'SM3', 'delivered'));
select * from test.state where body = 'at once';
-- A failure, and a delivery after all.
call test.send('after all', 'SM4');
select * from test.record(test.callback('after all', 'SM4', 'undelivered', 30003));
select * from test.state where body = 'after all';
select * from test.record(test.callback('after all', 'SM4', 'failed', 30008));
select * from test.record(test.callback('after all', 'SM4', 'delivered'));
select * from test.state where body = 'after all';

-- Before the answer was read: the SID is adopted, and the answer changes nothing for the worse.
call test.send('early');
select * from test.record(test.callback('early', 'SM5', 'sent'));
select twilio_sid, status from herald.sms_messages where message_content = 'early';
select * from test.complete(1, test.result('early', 'accepted', '{"sid": "SM5", "twilio_status": "queued"}'));
select * from test.record(test.callback('early', 'SM5', 'delivered'));
select * from test.state where body = 'early';
-- Unknown: the callback resolves it, even with a word that is not ahead of it.
call test.send('unknown');
select * from test.complete(1, test.result('unknown', 'unknown'));
select * from test.record(test.callback('unknown', 'SM6', 'queued'));
select * from test.state where body = 'unknown';
select outcome, resolved_by, sid from herald.sms_send_attempts where sid = 'SM6';
-- Lost claim: the callback of an attempt that the database has forgotten. The text waits, but Twilio has it.
select emit_notification_event('test.plain', payload => '{"message": "forgotten"}') is not null as ok;
select * from test.record(test.callback('forgotten', 'SM7', 'sent'));
select body, status, has_sid, is_queued from test.messages where body = 'forgotten';
select * from test.claim(1);
select body, status, has_sid, is_queued from test.messages where body = 'forgotten';

-- An older attempt's callbacks are kept, and change nothing.
call test.send('second attempt');
select * from test.complete(1, test.result('second attempt', 'not_sent'));
update herald.queue_jobs set run_at = now();
select body, attempt from test.claim(1);
select * from test.record(test.callback('second attempt', 'SM8', 'failed', 30008, 1));
select body, status, has_sid, error from test.messages where body = 'second attempt';
select * from test.record(test.callback('second attempt', 'SM9', 'sent', null, 2));
select body, status, has_sid from test.messages where body = 'second attempt';

-- Nobody's: an unknown id; no id and an unknown SID. Known by its SID alone.
select * from test.record(jsonb_build_object('message_id', test.person(1), 'attempt', 1, 'sid', 'SM10', 'status', 'sent'));
select * from test.record('{"sid": "SM10", "status": "sent"}');
select * from test.record('{"sid": "SM10", "status": "sent"}');
call test.send('by its SID', 'SM11');
select * from test.record('{"sid": "SM11", "status": "delivered"}');
select * from test.state where body = 'by its SID';
-- Another SID than the one stored; another message than the SID's.
call test.send('other SID', 'SM12');
select * from test.record(test.callback('other SID', 'SM13', 'delivered'));
select * from test.record(test.callback('other SID', 'SM11', 'failed'));
select * from test.state where body = 'other SID';

-- An opt-out reported by a callback.
call test.send('opt-out', 'SM14');
select * from test.record(test.callback('opt-out', 'SM14', 'failed', 21610), test.callback('opt-out', 'SM14', 'failed', 21610));
select * from test.state where body = 'opt-out';
select opted_out, opt_out_reason from herald.user_sms_preferences;
select test.number(user_id) as person, phone_number, kind, source, message_sid from herald.sms_consent_events;
-- Only once, and only if it was news.
select * from test.record(test.callback('opt-out', 'SM14', 'failed', 21610));
select count(*) from herald.sms_consent_events;

-- Everything was stored as it came.
select message_sid, message_status, error_code, attempt, idempotency_token, params, result, message_id is not null as has_message
from herald.twilio_callbacks where message_sid in ('SM1', 'SM2', 'SM10', 'SM13', 'SM14') order by id;
select result, count(*) from herald.twilio_callbacks group by 1 order by 1;
