-- The version of a template in use for a language: that language, or the language without its region, or the default.
-- $1 key, $2 locale or NULL
select t.message_template, array(select jsonb_array_elements_text(t.required_vars)) as required_vars, t.max_length,
       t.locale, t.version
from herald.sms_templates t
join unnest(array[lower($2), split_part(lower($2), '-', 1),
                  (select lower(value #>> '{}') from herald.settings where name = 'default_locale')])
     with ordinality as wanted (locale, place) on wanted.locale = lower(t.locale)
where t.template_key = $1 and t.is_active
order by wanted.place, t.version desc
limit 1
