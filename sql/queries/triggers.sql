-- The triggers that emit events, with what must be known to check them; {which} picks some of them.
select t.tgrelid::regclass::text, t.tgname::text, t.tgargs, t.tgtype, t.tgnewtable is not null, t.tgoldtable is not null,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = t.tgrelid and a.attnum > 0 and not a.attisdropped
             order by a.attnum) as columns,
       array(select coalesce(nullif(y.typbasetype, 0), y.oid)
             from pg_attribute a
             join pg_type y on y.oid = a.atttypid
             where a.attrelid = t.tgrelid and a.attnum > 0 and not a.attisdropped
             order by a.attnum) as types
from pg_trigger t
join pg_proc p on p.oid = t.tgfoid and p.proname = 'emit_notification_event_trigger'
join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                    and d.refclassid = 'pg_extension'::regclass
join pg_extension e on e.oid = d.refobjid and e.extname = 'pg_herald'
where t.tgparentid = 0 and {which}
order by 1, 2
