-- The values of a template's variables. $1 payload, $2 names, dotted for nested ones. NULL where the payload has none.
select array(select $1 #>> string_to_array(variable.name, '.')
             from unnest($2) with ordinality as variable (name, position)
             order by variable.position)
