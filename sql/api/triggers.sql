-- Events from changed rows, without PL/pgSQL.

create function @extschema@.emit_notification_event_trigger() returns trigger
language c volatile set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'emit_notification_event_trigger_wrapper';
comment on function @extschema@.emit_notification_event_trigger() is
'Trigger function: emits an event for each changed row. CREATE TRIGGER name AFTER INSERT OR UPDATE ON table FOR EACH ROW EXECUTE FUNCTION emit_notification_event_trigger(''event.type'', ''name=value'', …).
target=column: the user it is for (uuid or text); without it every subscriber; a row with NULL there emits nothing. actor=column. payload=column,key:column or payload=*. dedup=column,…: together with the table''s name they are the dedup key. update=column,…: after UPDATE only if one of these has another value. scheduled_for=column, expires_at=column (times). priority=word. old.column is the row before the change.
FOR EACH STATEMENT works with REFERENCING NEW TABLE AS n (INSERT), OLD TABLE AS o (DELETE), both (UPDATE).
A fault in the arguments is an error of CREATE TRIGGER (22023). A fault that shows later, such as a column that was dropped, does not stop the change of the row: the event is quarantined with trigger_fault, unless its type is strict (22023). Whoever changes the row needs no right on pg_herald. Raises 55000 before herald_install().';

create function @extschema@.check_notification_trigger(p_table regclass default null)
returns table (table_name text, trigger_name text, problem text)
language c stable security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'check_notification_trigger_wrapper';
comment on function @extschema@.check_notification_trigger(regclass) is
'What is wrong with the triggers of a table (NULL = all tables) that emit events: arguments that do not fit the table any more, an event type that is not registered, a template without text, variables of the text that the payload will not have. No rows: nothing is wrong. Raises 42P01 for an oid that is no table, 55000 before herald_install().';

create function @extschema@.herald_emit_row(p_arguments text[], p_place text[], p_faults text[], p_new jsonb, p_old jsonb)
returns boolean
language c volatile security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_emit_row_wrapper';
comment on function @extschema@.herald_emit_row(text[], text[], text[], jsonb, jsonb) is
'The half of emit_notification_event_trigger() that runs as the owner; nobody else calls it. Takes the trigger''s arguments, table, trigger and operation, known faults, and the row as JSON after and before. Returns whether an event was recorded. Raises 22004 for a NULL array, 55000 before herald_install().';

create function @extschema@.herald_check_ddl() returns event_trigger
language c volatile set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'herald_check_ddl_wrapper';
comment on function @extschema@.herald_check_ddl() is
'Event trigger function: raises 22023 when CREATE TRIGGER gives emit_notification_event_trigger() arguments that do not fit.';

create event trigger herald_check_triggers on ddl_command_end when tag in ('CREATE TRIGGER')
    execute function @extschema@.herald_check_ddl();
comment on event trigger herald_check_triggers is
'Finds faults in the arguments of emit_notification_event_trigger() when the trigger is made. Part of the extension; DISABLE it and such faults quarantine events instead.';
