-- The story of an event as the records tell it, oldest first; "number" and "reason" are put into words by the caller.
-- $1 event, $2 user or NULL for all
with event as materialized (
    select e.*, t.template_key, t.locale, t.version
    from herald.notification_events e
    left join herald.sms_templates t on t.id = e.template_id
    where e.id = $1
),
delivery as materialized (
    select d.id, d.recipient_user_id as user_id, d.channel, d.status, d.suppress_reason, d.last_error, d.created_at,
           d.updated_at, m.id as message_id, m.status as message_status, m.phone_number, m.segments, m.encoding,
           m.cancel_reason, m.scheduled_for, m.updated_at as message_updated_at, m.last_attempt, m.batch_id,
           m.template_id, q.run_at, d.defer_reason, d.deferred_until
    from herald.notification_deliveries d
    left join lateral (select * from herald.sms_messages m where m.notification_delivery_id = d.id limit 1) m on true
    left join lateral (select q.run_at from herald.queue_jobs q where q.subject_id = m.id limit 1) q on true
    where d.event_id = $1 and ($2 is null or d.recipient_user_id = $2)
),
-- "offset 0": for each of them through the index, whatever the planner thinks of how many there are.
asked as materialized (
    select delivery.user_id, delivery.channel, a.*
    from delivery
    cross join lateral (select * from herald.sms_send_attempts a where a.message_id = delivery.message_id offset 0) a
),
story as (
    select created_at as at, null::uuid as user_id, null::text as channel, 10 as place, 'emitted' as step,
           concat_ws(', ', event_type || ' from ' || event_source, 'priority ' || priority,
                     case when target_user_id is null then 'for every subscriber' else 'for user ' || target_user_id end,
                     'by user ' || actor_user_id, 'not before ' || {scheduled_for}, 'not after ' || {expires_at},
                     'text ' || template_key || ' ' || locale || ' version ' || version) as detail,
           null::text as number, null::text as reason
    from event
    union all
    select created_at, null, null, 20, case status when 'quarantined' then 'quarantined' else 'noted' end, problem, null, null
    from event
    cross join unnest(problems) as problem
    union all
    select now(), null, null, 80, 'now',
           case status
               when 'quarantined' then 'waits in quarantine for release_notification_event(); nobody was notified'
               when 'fanning_out' then 'recipients are being worked out: ' || fan_out_count || ' deliveries so far'
               when 'cancelled' then 'cancelled: what had not been claimed by then was not sent'
               else 'nobody is subscribed'
           end, null, null
    from event
    where status <> 'fanned_out' or $2 is null and not exists (select from delivery)
    union all
    -- Somebody who was asked for and has no delivery.
    select now(), $2, null, 85, 'now',
           case
               when event.target_user_id <> $2 then 'the event is for another user'
               when s.id is null then 'not subscribed to ' || event.event_type
               when not s.is_active then 'the subscription to ' || event.event_type || ' is not active'
               when not event.payload @> s.filters then 'the filters of the subscription do not match the payload'
               when s.created_at > event.created_at then 'subscribed only after the event'
               else 'no delivery: the subscription may have been changed since'
           end, null, null
    from event
    left join herald.notification_subscriptions s on s.event_type = event.event_type and s.user_id = $2
    where $2 is not null and event.status in ('fanned_out', 'fanning_out', 'cancelled') and not exists (select from delivery)
    union all
    select created_at, user_id, channel, 30,
           case when status = 'suppressed' and message_id is null then 'suppressed' else 'allowed' end,
           case when message_id is not null
                then concat_ws(', ', segments || ' segment' || case when segments <> 1 then 's' else '' end || ' ' || encoding,
                               'due ' || {due})
           end,
           case when message_id is not null then phone_number end,
           case when message_id is null then suppress_reason end
    from delivery
    union all
    select message_updated_at, user_id, channel, 60, case status when 'suppressed' then 'suppressed' else 'cancelled' end, null, null,
           cancel_reason
    from delivery
    where message_status = 'cancelled' and cancel_reason is not null
    union all
    select a.finished_at, a.user_id, a.channel, 40, a.outcome,
           concat_ws(', ', 'attempt ' || a.attempt || ' took '
                     || round(extract(epoch from greatest(interval '0', a.finished_at - a.started_at)), 2) || ' s',
                     'HTTP ' || a.http_status, 'error ' || a.error_code || coalesce(' (' || c.meaning || ')', ''),
                     case when c.code is null then a.error_message end, a.reason, a.sid), null, null
    from asked a
    left join herald.twilio_error_codes c on c.code = a.error_code
    union all
    select a.resolved_at, a.user_id, a.channel, 50, 'resolved',
           'attempt ' || a.attempt || ' was ' || a.outcome || ', known by ' || a.resolved_by, null, null
    from asked a
    where a.resolved_at is not null
    union all
    select b.received_at, a.user_id, a.channel, 55, 'callback',
           concat_ws(', ', b.message_status, 'error ' || b.error_code || coalesce(' (' || c.meaning || ')', ''), b.result), null, null
    from asked a
    cross join lateral (select * from herald.twilio_callbacks b where b.message_sid = a.sid offset 0) b
    left join herald.twilio_error_codes c on c.code = b.error_code
    union all
    -- What the person said meanwhile.
    select c.occurred_at, delivery.user_id, 'sms', 45, 'consent', c.kind || ' by ' || c.source, null, null
    from (select distinct on (user_id) * from delivery where channel = 'sms' order by user_id, updated_at desc) delivery
    cross join event
    cross join lateral (select * from herald.sms_consent_events c where c.user_id = delivery.user_id offset 0) c
    where c.occurred_at between event.created_at and delivery.updated_at
    union all
    select n.visible_from, delivery.user_id, delivery.channel, 40, 'shown', 'can be read in the application', null, null
    from delivery
    join herald.user_notifications n on n.delivery_id = delivery.id
    union all
    select n.read_at, delivery.user_id, delivery.channel, 65, 'read', null, null, null
    from delivery
    join herald.user_notifications n on n.delivery_id = delivery.id
    where n.read_at is not null
    union all
    select n.dismissed_at, delivery.user_id, delivery.channel, 70, 'dismissed', null, null, null
    from delivery
    join herald.user_notifications n on n.delivery_id = delivery.id
    where n.dismissed_at is not null
    union all
    -- What it was last made to wait for; while it waits, the last line says so.
    select least(deferred_until, updated_at), user_id, channel, 30, 'waited', 'until ' || {deferred_until}, null, defer_reason
    from delivery
    where defer_reason is not null and status <> 'deferred'
    union all
    select now(), delivery.user_id, delivery.channel, 90, 'now',
           concat_ws(', ',
               delivery.status,
               case
                   when delivery.run_at <= now() then 'due: waits for a daemon'
                   when delivery.run_at is not null then 'waits until ' || {run_at}
                   when delivery.message_status = 'queued' then 'claimed by a daemon until ' || coalesce({lease}, 'its lease ends')
                   when delivery.message_status = 'unknown'
                       then 'Twilio was asked and gave no answer: not sent again before that is resolved'
                   when delivery.message_status in ('sending', 'sent') then 'Twilio has it, no final word yet'
               end,
               case when delivery.status in ('failed', 'bounced') then delivery.last_error end), null,
           case when delivery.status = 'deferred' then delivery.defer_reason end
    from delivery
    left join herald.dispatch_batches b on b.id = delivery.batch_id
)
select story.at, story.user_id, story.channel, story.step, story.detail, story.number, story.reason
from story
order by story.at, story.place, story.user_id, story.channel
