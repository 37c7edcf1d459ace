//! Triggers that emit events.

use pgrx::pg_sys::BuiltinOid::{BOOLARRAYOID, BOOLOID, JSONBOID, OIDOID, TEXTARRAYOID};

use super::query;
use crate::query::Query;

query!(/** What a rule takes from a row. */ TRIGGER_ROW, "trigger_row.sql", false,
    [JSONBOID, JSONBOID, BOOLOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, BOOLARRAYOID,
     TEXTARRAYOID, TEXTARRAYOID]);
query!(/** Triggers of one table, or all. */ TRIGGERS, "triggers.sql", false, [OIDOID],
    "{which}" = "($1 is null or t.tgrelid = $1)");
query!(/** The trigger that the command at hand has made. */ TRIGGERS_OF_COMMAND, "triggers.sql", false, [],
    "{which}" = "t.oid in (select c.objid from pg_event_trigger_ddl_commands() c where c.classid = 'pg_trigger'::regclass)");
