-- A text to named people, marked as a test in its event and in itself, subscribed or not; whom it may not reach is said at
-- once. The claim's gate decides once more, as with every text.
-- $1 event id, $2 event type, $3 payload, $4 who asks, $5 recipients, $6 text, $7 encoding, $8 segments, $9 template version,
-- $10 priority, $11 queue rank, $12 wake the daemons
with person as materialized (
    select u.user_id, p.phone_number, {ext}.herald_uuid_v7() as message_id,
           case
               when p.phone_number is null then 'no_phone'
               when not p.phone_verified and p.phone_invalid_reason is not null then 'invalid_number'
               when not p.phone_verified then 'unverified'
               when p.opted_out
                   or (select bool_or(o.opted_out) from herald.user_sms_preferences o where o.phone_number = p.phone_number)
                   then 'opted_out'
               when not exists (select from jsonb_array_elements_text(
                                    (select value from herald.settings where name = 'allowed_country_prefixes')) as prefix
                                where starts_with(p.phone_number, prefix)) then 'country_not_allowed'
           end as reason
    from (select distinct user_id from unnest($5) as named (user_id)) u
    left join herald.user_sms_preferences p on p.user_id = u.user_id
),
event as (
    insert into herald.notification_events
        (id, event_type, event_source, actor_user_id, payload, metadata, priority, template_id, status)
    select $1, $2, 'api_action', $4, $3,
           jsonb_build_object('test_mode', true, 'test_sent_by', $4, 'test_recipients', to_jsonb($5)), $10, $9, 'fanned_out'
),
message as (
    insert into herald.sms_messages
        (id, user_id, phone_number, message_content, template_id, status, priority, metadata, encoding, segments)
    select message_id, user_id, phone_number, $6, $9, 'pending', $10,
           jsonb_build_object('test_mode', true, 'test_sent_by', $4, 'event_id', $1, 'event_type', $2), $7, $8
    from person
    where reason is null
),
job as (
    insert into herald.queue_jobs (subject_id, job_type, priority, run_at, wakes)
    select message_id, 'send_sms', $11, now(), $12 and row_number() over () = 1 from person where reason is null
)
select user_id, case when reason is null then message_id end, reason from person order by user_id
