-- Which database this is. A promotion or a point-in-time recovery begins a new timeline; the control file would tell it only
-- after the next checkpoint, the name of the WAL file tells it at once.
(select c.system_identifier::text as system_identifier,
        ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer as timeline,
        d.oid::bigint as database_oid,
        (pg_current_wal_flush_lsn() - '0/0')::bigint as wal_position
 from pg_control_system() c, pg_database d
 where d.datname = current_database())
