-- Nobody may call anything that was not granted: herald_grant() gives.
do $$
declare
    member regprocedure;
begin
    for member in
        select d.objid::pg_catalog.regprocedure
        from pg_catalog.pg_depend d
        join pg_catalog.pg_extension e on e.oid operator(pg_catalog.=) d.refobjid
        where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
          and e.extname operator(pg_catalog.=) 'pg_herald'
          and d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
          and d.deptype operator(pg_catalog.=) 'e'
    loop
        execute pg_catalog.format('revoke execute on routine %s from public', member);
    end loop;
end
$$;
