-- The other languages of a template, each in its highest active version. $1 key, $2 the one recipient or NULL for all,
-- $3 only versions that were there at this time, NULL = all
select distinct on (lower(t.locale)) lower(t.locale), t.id, t.message_template,
       array(select jsonb_array_elements_text(t.required_vars)) as required_vars, t.max_length
from herald.sms_templates t
where t.template_key = $1 and t.is_active
  and t.locale <> (select value #>> '{}' from herald.settings where name = 'default_locale')
  and ($2 is null
       or exists (select from herald.user_notification_preferences n
                  where n.user_id = $2 and lower(t.locale) in (lower(n.locale), split_part(lower(n.locale), '-', 1))))
  and ($3 is null or t.created_at <= $3)
order by lower(t.locale), t.version desc
