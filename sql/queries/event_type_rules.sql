-- What emit must know of an event type: the registry's row, the text, and the installation's rules. $1 event type
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
