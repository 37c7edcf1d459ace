-- Which database this is, and for which one sending was armed last. $1 the arming that the daemon remembers, or NULL
select i.install_id, here.system_identifier, here.timeline, here.database_oid, here.wal_position,
       (i.system_identifier, i.database_oid) = (here.system_identifier, here.database_oid) as installed_here,
       latest.id as arming_id, latest.system_identifier as armed_system_identifier, latest.timeline as armed_timeline,
       latest.database_oid as armed_database_oid, latest.armed_at,
       exists (select from herald.armings a where a.id = $1) as knows_arming,
       (select count(*) from (select from herald.queue_jobs limit 100000) q)
           + (select coalesce(sum(open_messages), 0)::bigint from herald.dispatch_batches)
           + (select count(*) from herald.sms_send_attempts a where a.resolve_at is not null) as waiting
from herald.installation i
cross join {here} here
left join lateral (select * from herald.armings a order by a.armed_at desc, a.id desc limit 1) latest on true
