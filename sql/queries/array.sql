-- What kind of JSON a value is, and the position of the first of its elements, from 1, that a path finds.
-- $1 value, $2 JSON path that finds in an array of one element what is wrong with it
select jsonb_typeof($1) as kind,
       case when jsonb_typeof($1) = 'array' then
           (select element.position::integer
            from jsonb_array_elements($1) with ordinality as element (value, position)
            where jsonb_path_exists(jsonb_build_array(element.value), $2::jsonpath)
            order by element.position
            limit 1)
       end as misfit
