-- What emit must know before it writes: the registry's row, the text, and whether this key was used before.
-- $1 event type, $2 target user or NULL, $3 dedup key or NULL, $4 payload, $5 metadata
select et.event_type is not null                as is_known,
       coalesce(et.is_active, true)             as is_active,
       coalesce(et.strict, false)               as strict,
       coalesce(et.admin_only, false)           as admin_only,
       coalesce(et.default_channels, '{}')      as channels,
       coalesce(et.default_priority, 'normal')  as default_priority,
       et.expires_after,
       et.template_key::text,
       t.id                                     as template_id,
       t.message_template,
       t.required_vars,
       earlier.id                               as earlier_id,
       coalesce(earlier.erased_at is not null or earlier.payload = coalesce($4, '{}'), false) as is_repeat,
       coalesce($4 ->> 'correlation_id', $4 ->> 'correlationId',
                $5 ->> 'correlation_id', $5 ->> 'correlationId') as correlation_id,
       jsonb_typeof(coalesce($4, '{}')) = 'object' as has_object,
       t.max_length,
       rules.prefixes, rules.spread, rules.minimum,
       -- Are there other languages? The ends of the index say so.
       coalesce((select min(o.locale) <> max(o.locale)
                 from herald.sms_templates o
                 where o.template_key = et.template_key and o.is_active), false) as has_variants
from ({rules}) as rules
left join herald.notification_event_types et on et.event_type = $1
left join lateral (
    select t.id, t.message_template, t.max_length, array(select jsonb_array_elements_text(t.required_vars)) as required_vars
    from herald.sms_templates t
    where t.template_key = et.template_key and t.is_active
      and t.locale = (select value #>> '{}' from herald.settings where name = 'default_locale')
    order by t.version desc
    limit 1
) t on true
left join herald.notification_events earlier
    on earlier.dedup_key = $3 and earlier.event_type = $1 and earlier.target_user_id is not distinct from $2
