-- Takes a person's number, texts and payloads out of every table; the keyed hash of the number keeps its opt-out.
-- $1 user, $2 until when: what is newer belongs to somebody who came back
-- A text on its way, or in doubt, is left until its outcome is known: it may have to be looked up at Twilio.
with number as materialized (
    select p.phone_number from herald.user_sms_preferences p where p.user_id = $1 and p.phone_number is not null and p.created_at <= $2
    union
    select v.phone_number from herald.phone_verifications v where v.user_id = $1 and v.created_at <= $2
),
event as (
    update herald.notification_events e
    set payload = '{}', metadata = '{}', erased_at = now()
    where e.target_user_id = $1 and e.erased_at is null and e.created_at <= $2
    returning e.id
),
text as materialized (
    select m.id, m.status in ('queued', 'unknown') as is_open, m.erased_at is null as is_new, m.notification_delivery_id
    from herald.sms_messages m
    where m.user_id = $1 and m.created_at <= $2
),
message as (
    update herald.sms_messages m
    set phone_number = null, message_content = '[erased]', template_vars = null, metadata = '{}', erased_at = now()
    from text
    where m.id = text.id and text.is_new and not text.is_open
    returning m.id
),
delivery as (
    update herald.notification_deliveries d
    set channel_identifier = case when d.channel_identifier = '' then '' else 'erased:' || d.id end,
        payload = '{}', last_error = null
    where d.recipient_user_id = $1 and d.created_at <= $2
      and (d.channel_identifier not in ('', 'erased:' || d.id) or d.payload <> '{}' or d.last_error is not null)
      and not exists (select from text where text.notification_delivery_id = d.id and text.is_open)
    returning d.id
),
attempt as (
    update herald.sms_send_attempts a
    set error_message = null
    from text
    where a.message_id = text.id and not text.is_open and a.error_message is not null
    returning a.message_id
),
callback as (
    update herald.twilio_callbacks c
    set params = '{}'
    where c.params <> '{}'
      and (c.message_sid in (select a.sid from text join herald.sms_send_attempts a on a.message_id = text.id where a.sid is not null)
           or c.result in ('orphan', 'conflict') and c.message_id in (select id from text))
    returning c.id
),
inbound as (
    update herald.sms_inbound_messages i
    set from_number = null, body = '', params = '{}', reply = null, erased_at = now()
    where i.erased_at is null and i.received_at <= $2
      and (i.user_id = $1 or i.user_id is null and i.from_number in (select phone_number from number))
    returning i.id
),
evidence as (
    update herald.sms_consent_events c
    set phone_number = null, wording = case when c.source = 'inbound' then null else c.wording end, erased_at = now()
    where c.erased_at is null and c.occurred_at <= $2
      and (c.user_id = $1
           or c.user_id is null and c.number_hash in (select herald.number_hash(phone_number) from number))
    returning c.id
),
verification as (delete from herald.phone_verifications v where v.user_id = $1 and v.created_at <= $2 returning v.id),
verify_job as (delete from herald.queue_jobs q using verification where q.subject_id = verification.id),
subscription as (delete from herald.notification_subscriptions s where s.user_id = $1 and s.created_at <= $2 returning s.id),
sms_preference as (delete from herald.user_sms_preferences p where p.user_id = $1 and p.created_at <= $2 returning p.id),
preference as (delete from herald.user_notification_preferences n where n.user_id = $1 and n.created_at <= $2 returning n.id),
in_app as (delete from herald.user_notifications n where n.user_id = $1 and n.created_at <= $2 returning n.id)
select report.table_name, report.action, report.number
from (values
    (1, 'notification_events', 'payload erased', (select count(*) from event)),
    (2, 'notification_deliveries', 'number erased', (select count(*) from delivery)),
    (3, 'sms_messages', 'number and text erased', (select count(*) from message)),
    (4, 'sms_messages', 'left until its outcome is known', (select count(*) from text where is_new and is_open)),
    (5, 'sms_send_attempts', 'error text erased', (select count(*) from attempt)),
    (6, 'twilio_callbacks', 'parameters erased', (select count(*) from callback)),
    (7, 'sms_inbound_messages', 'number and text erased', (select count(*) from inbound)),
    (8, 'sms_consent_events', 'number erased, hash kept', (select count(*) from evidence)),
    (9, 'phone_verifications', 'deleted', (select count(*) from verification)),
    (10, 'notification_subscriptions', 'deleted', (select count(*) from subscription)),
    (11, 'user_sms_preferences', 'deleted', (select count(*) from sms_preference)),
    (12, 'user_notification_preferences', 'deleted', (select count(*) from preference)),
    (13, 'user_notifications', 'deleted', (select count(*) from in_app))
) as report (place, table_name, action, number)
order by report.place
