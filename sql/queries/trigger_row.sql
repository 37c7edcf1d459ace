-- What a trigger's rule takes from a changed row. $1 new row, $2 old row (JSON null: there is none); $3 the whole row is the
-- payload, $4/$5/$6 or these keys, each from the old row or not, and its column; $7/$8 the columns of target, actor,
-- scheduled_for and expires_at in this order, NULL = none; $9/$10 of the dedup key; $11 columns of which one must have changed.
with image as materialized (
    select case when jsonb_typeof($1) = 'object' then $1 else $2 end as now, $2 as before
),
single as materialized (
    select array(select case when s.is_old then before else now end ->> s.name
                 from unnest($7, $8) with ordinality as s (is_old, name, place)
                 order by s.place) as value
    from image
)
select case when $3 then now::text
            else (select coalesce(jsonb_object_agg(p.key, case when p.is_old then before else now end -> p.name), '{}')::text
                  from unnest($4, $5, $6) as p (key, is_old, name))
       end as payload,
       value[1] as target, value[2] as actor, value[3]::timestamptz as scheduled_for, value[4]::timestamptz as expires_at,
       (select string_agg(coalesce(case when d.is_old then before else now end ->> d.name, ''), ':' order by d.place)
        from unnest($9, $10) with ordinality as d (is_old, name, place)) as dedup,
       exists (select from unnest($11) as u (name) where now -> u.name is distinct from before -> u.name) as has_changed
from image
cross join single
