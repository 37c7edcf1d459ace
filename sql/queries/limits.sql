-- Which of the texts that the gate lets go fit into the limits, in the order of their places. Reads rows "wanted" (see
-- claim.sql) and "cap", gives "verdict": each text with one of suppress_reason and defer_reason (with until), or neither.
-- A text that one limit stops does not use up another. From the narrowest limit to the widest a first pass finds the texts that
-- go; whoever is stopped by one is stopped for all later texts of that narrower scope, so this is who would go one after the
-- other. A second pass names, with those that go, the limit that each of the others meets.
-- The present day in each time zone, looked up once and not for everybody who lives there.
today as materialized (
    select zone, at, {ext}.herald_day_start(at, zone, 0) as began, {ext}.herald_day_start(at, zone, 1) as ends
    from (select distinct w.zone, w.at from wanted w) zones
),
counted as materialized (
    select w.*,
           w.reason is null and w.open_at <= w.at and w.channel = 'sms' and w.paused_until is null as free,
           -- Whether the counts are those of that day and of that hour.
           coalesce(w.daily_count_reset_at >= today.began and w.daily_count_reset_at < today.ends, false) as is_day,
           coalesce(date_trunc('hour', w.hourly_count_reset_at, 'UTC') = date_trunc('hour', w.at, 'UTC'), false) as is_hour
    from wanted w
    left join today on today.zone = w.zone and today.at = w.at
),
by_type as (
    select c.*,
           case when is_day then coalesce((daily_type_counts ->> event_type)::integer, 0) else 0 end as type_used,
           case when is_day then daily_sms_count else 0 end as day_used,
           case when is_hour then hourly_sms_count else 0 end as hour_used,
           -- if types
           coalesce(case when is_day then coalesce((daily_type_counts ->> event_type)::integer, 0) else 0 end
                    + count(*) filter (where free) over (partition by user_id, event_type order by place) <= type_limit, true)
               as type_ok
           -- else
           true as type_ok
           -- end types
    from counted c
),
by_person as (
    select t.*,
           coalesce(day_used + count(*) filter (where free and type_ok) over person <= day_limit, true) as day_ok,
           coalesce(hour_used + count(*) filter (where free and type_ok) over person <= hour_limit, true) as hour_ok
    from by_type t
    window person as (partition by user_id, by_admin order by place)
),
-- if caps
by_country as (
    select p.*, cap.prefix as country, cap.max_per_day as country_limit, cap.used as country_used,
           coalesce(cap.used + count(*) filter (where free and type_ok and day_ok and hour_ok)
                                   over (partition by cap.prefix order by place) <= cap.max_per_day, true) as country_ok
    from by_person p
    left join lateral (select cap.prefix, cap.max_per_day, cap.used from cap
                       where cap.prefix <> '+' and p.phone_number ^@ cap.prefix
                       order by length(cap.prefix) desc limit 1) cap on true
),
by_everybody as (
    select c.*, cap.max_per_day as global_limit,
           coalesce(cap.used + count(*) filter (where free and type_ok and day_ok and hour_ok and country_ok)
                                   over (order by place) <= cap.max_per_day, true) as global_ok
    from by_country c
    left join cap on cap.prefix = '+'
),
-- else
by_everybody as (
    select p.*, null::text as country, null::integer as country_limit, null::integer as country_used, true as country_ok,
           null::integer as global_limit, true as global_ok
    from by_person p
),
-- end caps
reasoned as (
    select e.*,
           free and type_ok and day_ok and hour_ok and country_ok and global_ok as fits
    from by_everybody e
),
named as (
    select r.*,
           case
               when fits or not free then null
               -- if types
               when type_used + 1 + count(*) filter (where fits) over (partition by user_id, event_type order by place) > type_limit
                   then 'type_limit'
               -- end types
               when day_used + 1 + count(*) filter (where fits) over person > day_limit then 'daily_limit'
               when hour_used + 1 + count(*) filter (where fits) over person > hour_limit then 'hourly_limit'
               -- if caps
               when country_used + 1 + count(*) filter (where fits) over (partition by country order by place) > country_limit
                   then 'country_cap'
               else 'global_cap'
               -- end caps
           end as stopped_by
    from reasoned r
    window person as (partition by user_id, by_admin order by place)
),
over_limit as materialized (
    select e.*,
           e.stopped_by is not null
               and (e.over_limit = 'suppress'
                    -- A limit of 0 is never kept by waiting.
                    or 0 = case e.stopped_by when 'type_limit' then type_limit when 'daily_limit' then day_limit
                                when 'hourly_limit' then hour_limit when 'country_cap' then country_limit else global_limit end)
               as is_final,
           case
               when e.reason is not null then null
               when e.open_at > e.at then e.open_at
               when e.stopped_by is null then null
               when e.is_open then room.at
               else {ext}.herald_open_at(room.at, e.quiet_hours_start, e.quiet_hours_end, e.zone, e.minimum, e.spread, e.user_id)
           end as until
    from named e
    -- When that limit has room again; quiet hours may hold the text back longer.
    cross join lateral (
        select case
                   when e.stopped_by in ('type_limit', 'daily_limit') then {ext}.herald_day_start(e.at, e.zone, 1)
                   when e.stopped_by = 'hourly_limit' then date_trunc('hour', e.at, 'UTC') + interval '1 hour'
                   when e.stopped_by is not null then date_trunc('day', e.at, 'UTC') + interval '24 hours'  -- a day of the session's zone may have 23 or 25
               end as at
        offset 0
    ) room
),
final as (
    select o.*,
           case
               when reason is not null then reason
               when is_final then stopped_by
               when until >= expires_at then 'expired'
           end as suppress_reason,
           case
               when reason is not null or is_final or until >= expires_at then null
               when open_at > at then 'quiet_hours'
               else stopped_by
           end as defer_reason
    from over_limit o
),
-- "goes" and "is_noted" as columns: for those the planner reckons with half of the rows, and a join of theirs is no nested loop.
verdict as materialized (
    select f.*,
           suppress_reason is null and defer_reason is null and paused_until is null as goes,
           suppress_reason is not null or defer_reason is not null or paused_until is null as is_noted
    from final f
)
