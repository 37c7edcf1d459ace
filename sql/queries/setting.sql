-- A setting and whether a value would fit it. $1 name, $2 value
select kind,
       case kind
           when 'integer' then jsonb_typeof($2) = 'number'
           when 'text_list' then jsonb_typeof($2) = 'array' and not jsonb_path_exists($2, 'strict $[*] ? (@.type() != "string")')
           else jsonb_typeof($2) = 'string'
       end as is_right_kind,
       case when kind = 'integer' and jsonb_typeof($2) = 'number'
            then ($2 #>> '{}')::numeric = trunc(($2 #>> '{}')::numeric)
                 and ($2 #>> '{}')::numeric between coalesce(minimum, '-Infinity') and coalesce(maximum, 'Infinity')
            else true
       end as is_in_range,
       minimum::text, maximum::text
from herald.settings
where name = $1
