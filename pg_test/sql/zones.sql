-- Quiet hours and days in every time zone that this server knows, all year round, against Postgres' own arithmetic: the wall
-- clock (at time zone) of every fifth minute.
\getenv source PG_ABS_SRCDIR
\set setup :source '/include/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
-- (Not the directory with everything once more, nor CET and the like: "at time zone" takes those for abbreviations without summer time.)
create table test.zone as select name from pg_timezone_names
    where name not like 'posix/%' and name not in (select abbrev from pg_timezone_abbrevs);
select count(*) > 300 as has_all from test.zone;
-- When clocks are moved in 2024, to the hour.
create table test.change as
    select z.name, t as at
    from test.zone z, generate_series(timestamptz '2024-01-01 00:00Z', '2024-12-31 23:00Z', '1 hour') t
    where (t at time zone z.name) - (t - interval '1 hour') at time zone z.name <> interval '1 hour';
select count(*) > 100 as has_changes from test.change;
-- Around each of them, and at six other moments of the year; quiet hours that end before, in and after what is skipped or
-- comes twice, and quiet hours of any length. The numbers are spread by hash: the same in every run.
create table test.moment as
    select name, at + a * interval '10 minutes' as at,
           ((at at time zone name)::time + e * interval '10 minutes') as ends, ((at at time zone name)::time + (e - 30) * interval '10 minutes') as starts
    from test.change, unnest('{-12,-1,0}'::integer[]) a, unnest('{-6,-3,0,3,6}'::integer[]) e
    union all
    select name, timestamptz '2024-01-01 00:00Z' + h.h1 % 52704 * interval '10 minutes',
           time '00:00' + h.h2 % 144 * interval '10 minutes', time '00:00' + h.h3 % 144 * interval '10 minutes'
    from test.zone, generate_series(1, 6) n,
         lateral (select abs(hashtext(name || n)) as h1, abs(hashtext(n || name)) as h2, abs(hashtext(name || n || name)) as h3) h;
create function test.is_quiet(wall time, starts time, ends time) returns boolean language sql immutable as $$
    select case when starts <= ends then wall >= starts and wall < ends else wall >= starts or wall < ends end
$$;
create table test.answer as
    select m.*,
           (select min(m.at + n * interval '5 minutes') from generate_series(0, 400) n
            where not test.is_quiet(((m.at + n * interval '5 minutes') at time zone m.name)::time, m.starts, m.ends)) as ends_at,
           (select min(m.at + n * interval '5 minutes') from generate_series(0, 400) n
            where test.is_quiet(((m.at + n * interval '5 minutes') at time zone m.name)::time, m.starts, m.ends)) as begins_at,
           herald_open_at(m.at, m.starts, m.ends, m.name, 0, 0, test.person(1)) as opens,
           herald_closes_at(m.at, m.starts, m.ends, m.name) as closes
    from test.moment m;
select count(*) > 3000 as has_many, count(*) filter (where opens > at) > 1000 as are_quiet, count(*) filter (where opens = at) > 1000 as are_not from test.answer;
select name, at, starts, ends, ends_at, opens from test.answer where opens is distinct from ends_at limit 10;
select name, at, starts, ends, begins_at, closes from test.answer where closes is distinct from coalesce(begins_at, 'infinity') limit 10;
-- A day begins with its date, and just before it another.
create table test.day as
    select name, at, d, herald_day_start(at, name, d) as began from test.moment, generate_series(0, 1) d;
select name, at, d, began from test.day
where (began at time zone name)::date <> (at at time zone name)::date + d or ((began - interval '1 microsecond') at time zone name)::date >= (at at time zone name)::date + d
limit 10;
