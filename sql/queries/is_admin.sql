-- May this role do what an administrator may? $1 role
select has_function_privilege($1, p.oid, 'execute')
from pg_proc p
join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid and e.extname = 'pg_herald'
where p.proname = 'herald_admin'
