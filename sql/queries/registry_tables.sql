-- The tables that a backend keeps in memory, and whether all of them tell of their changes.
select 'herald.settings'::regclass::oid, 'herald.notification_event_types'::regclass::oid, 'herald.sms_templates'::regclass::oid,
       (select count(*) = 3
        from pg_trigger t
        join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid in ('herald.settings'::regclass, 'herald.notification_event_types'::regclass, 'herald.sms_templates'::regclass)
          and p.proname = 'herald_registry_changed' and t.tgenabled = 'A')
