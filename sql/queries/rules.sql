-- The installation's rules for the gate, from the settings in one look.
select array(select jsonb_array_elements_text(setting.named -> 'allowed_country_prefixes')) as prefixes,
       (setting.named ->> 'quiet_hours_spread_seconds')::integer as spread,
       (setting.named ->> 'minimum_validity_seconds')::integer as minimum,
       make_interval(secs => (setting.named ->> 'ageing_seconds')::integer) as ageing
from (select jsonb_object_agg(name, value) as named
      from herald.settings
      where name in ('allowed_country_prefixes', 'quiet_hours_spread_seconds', 'minimum_validity_seconds', 'ageing_seconds')
     ) as setting
