//! `emit_notification_event_trigger`: a changed row becomes an event, without PL/pgSQL.
//!
//! Two halves. The trigger function runs as whoever changes the row, and only so may it turn the row into JSON: a type's
//! cast is code of the type's owner. What it has made, JSON and words, goes to `herald_emit_row`, which runs as the owner
//! of the extension and emits.

mod check;
mod image;

use std::cell::Cell;

use herald_core::trigger::{Column, Fault, Firing, Payload, Rule};
use pgrx::datum::{AnyElement, TimestampWithTimeZone, Uuid};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::trigger_support::{PgTriggerError, PgTriggerLevel, PgTriggerOperation, PgTriggerWhen};
use serde_json::json;

use crate::emit::{Recorded, Request, record};
use crate::queries::TRIGGER_ROW;
use crate::query::{jsonb, jsonb_of, jsonb_text};
use crate::report::{null_argument, report, unexpected};

/// What a fault of the trigger is called among an event's problems; such an event cannot be released.
const FAULT: &str = "trigger_fault";

/// Trigger function; see `sql/api/`.
#[pg_trigger(sql = false)]
fn emit_notification_event_trigger<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, ErrorReport> {
    let firing = firing(trigger).map_err(unusable)?;
    let arguments = trigger.extra_args().map_err(unusable)?;
    let relation = trigger.relation().map_err(unusable)?;
    let columns = relation.tuple_desc();
    let (rule, mut faults) = Rule::parse(&arguments);
    faults.extend(rule.faults(firing, |name| check::kind_of(&columns, name)));
    let call = Call {
        emitter: emitter(trigger.trigger().tgfoid)?,
        place: vec![
            format!("{}.{}", relation.namespace(), relation.name()),
            trigger.name().map_err(unusable)?.to_owned(),
            operation(firing).to_owned(),
        ],
        faults: faults.iter().map(Fault::to_string).collect(),
        arguments,
    };
    let names = match rule.payload {
        Payload::WholeRow => None,
        Payload::Columns(_) => Some(rule.names()),
    };
    if !call.faults.is_empty() {
        call.emit(None, None);
    } else {
        image::each_change(trigger, firing, names.as_deref(), |new, old| {
            call.emit(new, old)
        });
    }
    Ok(match firing.delete {
        true => trigger.old(),
        false => trigger.new(),
    })
}

fn unusable(error: PgTriggerError) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        format!("emit_notification_event_trigger was not called as a trigger: {error}"),
        "Use it in CREATE TRIGGER … EXECUTE FUNCTION.",
    )
}

/// What is firing now; of a trigger for several operations this one alone.
fn firing(trigger: &PgTrigger<'_>) -> Result<Firing, PgTriggerError> {
    let operation = trigger.op()?;
    Ok(Firing {
        is_after: matches!(trigger.when()?, PgTriggerWhen::After),
        is_row: matches!(trigger.level(), PgTriggerLevel::Row),
        insert: matches!(operation, PgTriggerOperation::Insert),
        update: matches!(operation, PgTriggerOperation::Update),
        delete: matches!(operation, PgTriggerOperation::Delete),
        truncate: matches!(operation, PgTriggerOperation::Truncate),
        has_new_table: !trigger.trigger_data().tg_newtable.is_null(),
        has_old_table: !trigger.trigger_data().tg_oldtable.is_null(),
    })
}

fn operation(firing: Firing) -> &'static str {
    match firing {
        Firing { insert: true, .. } => "INSERT",
        Firing { update: true, .. } => "UPDATE",
        Firing { delete: true, .. } => "DELETE",
        _ => "TRUNCATE",
    }
}

/// The call of the half that emits.
struct Call {
    emitter: pg_sys::Oid,
    arguments: Vec<String>,
    place: Vec<String>,
    faults: Vec<String>,
}

impl Call {
    /// Calls it with the images of one row, `None` = there is none.
    fn emit(&self, new: Option<AnyElement>, old: Option<AnyElement>) {
        let nothing = || jsonb_of(json!(null));
        let arguments = [
            self.arguments.clone().into_datum(),
            self.place.clone().into_datum(),
            self.faults.clone().into_datum(),
            new.or_else(nothing).map(|image| image.datum()),
            old.or_else(nothing).map(|image| image.datum()),
        ];
        let [
            Some(arguments),
            Some(place),
            Some(faults),
            Some(new),
            Some(old),
        ] = arguments
        else {
            return;
        };
        // SAFETY: emitter() found a function with these five types of parameters; calling by oid keeps its SECURITY DEFINER.
        // Whoever made the trigger needed EXECUTE on the trigger function, so nobody else's rights are asked here.
        unsafe {
            pg_sys::OidFunctionCall5Coll(
                self.emitter,
                pg_sys::InvalidOid,
                arguments,
                place,
                faults,
                new,
                old,
            );
        }
    }
}

/// `herald_emit_row` beside the trigger function `own`.
fn emitter(own: pg_sys::Oid) -> crate::report::Result<pg_sys::Oid> {
    thread_local! {
        static FOUND: Cell<(pg_sys::Oid, pg_sys::Oid)> =
            const { Cell::new((pg_sys::InvalidOid, pg_sys::InvalidOid)) };
    }
    let (known, found) = FOUND.get();
    if known == own {
        return Ok(found);
    }
    let types = [
        pg_sys::TEXTARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::JSONBOID,
        pg_sys::JSONBOID,
    ];
    // SAFETY: catalogue look-ups by constants and an oid that the server gave us; neither raises when it finds nothing.
    let found = unsafe {
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as pg_sys::AttrNumber,
            pg_sys::Datum::from(c"herald_emit_row".as_ptr()),
            pg_sys::Datum::from(pg_sys::buildoidvector(types.as_ptr(), 5)),
            pg_sys::Datum::from(pg_sys::get_func_namespace(own)),
            pg_sys::Datum::from(0),
        )
    };
    if found == pg_sys::InvalidOid {
        return Err(unexpected("function herald_emit_row"));
    }
    FOUND.set((own, found));
    Ok(found)
}

/// What a rule takes from a row.
struct Taken {
    payload: String,
    target: Option<String>,
    actor: Option<String>,
    scheduled_for: Option<TimestampWithTimeZone>,
    expires_at: Option<TimestampWithTimeZone>,
    dedup: Option<String>,
    has_changed: bool,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_emit_row(
    arguments: Option<Vec<String>>,
    place: Option<Vec<String>>,
    faults: Option<Vec<String>>,
    new: Option<AnyElement>,
    old: Option<AnyElement>,
) -> crate::report::Result<bool> {
    let arguments = arguments.ok_or_else(|| null_argument("p_arguments"))?;
    let place = place.ok_or_else(|| null_argument("p_place"))?;
    let faults = faults.ok_or_else(|| null_argument("p_faults"))?;
    let (rule, _) = Rule::parse(&arguments);
    let [table, trigger, operation] = place.as_slice() else {
        return Err(unexpected("table, trigger and operation"));
    };
    let mut request = Request {
        source: "database_trigger".to_owned(),
        metadata: jsonb_of(json!({"table": table, "trigger": trigger, "operation": operation})),
        priority: rule.priority.map(|priority| priority.to_string()),
        problems: faults
            .iter()
            .map(|fault| format!("{FAULT}: {fault}"))
            .collect(),
        ..Request::of_type(&rule.event_type)
    };
    if request.problems.is_empty() {
        let taken = take(&rule, new, old)?;
        let is_for_nobody = rule.target.is_some() && taken.target.is_none();
        let is_unchanged = operation == "UPDATE" && !rule.update.is_empty() && !taken.has_changed;
        if is_for_nobody || is_unchanged {
            return Ok(false);
        }
        request.target = user(&mut request.problems, &rule.target, taken.target);
        request.actor = user(&mut request.problems, &rule.actor, taken.actor);
        request.payload = jsonb_text(&taken.payload);
        request.scheduled_for = taken.scheduled_for;
        request.expires_at = taken.expires_at;
        request.dedup_key = taken.dedup.map(|values| format!("{table}:{values}"));
    }
    let refusal = match record(&request)? {
        Recorded::Event(_) => return Ok(true),
        Recorded::KeyTaken(earlier) => format!("event {earlier} has it with another payload"),
        Recorded::KeyBusy => "another transaction has it".to_owned(),
    };
    // The row's change goes on: the event is kept without its key, for a person to look at.
    let key = request.dedup_key.take().unwrap_or_default();
    request.problems.push(format!(
        "{FAULT}: dedup_key {key:?} cannot be used: {refusal}"
    ));
    record(&request)?;
    Ok(true)
}

/// The id in a column's value; what is none is a fault.
fn user(
    problems: &mut Vec<String>,
    column: &Option<Column>,
    value: Option<String>,
) -> Option<Uuid> {
    let name = &column.as_ref()?.name;
    match uuid::Uuid::parse_str(value?.trim()) {
        Ok(id) => Some(Uuid::from_bytes(id.into_bytes())),
        Err(_) => {
            problems.push(format!(
                "{FAULT}: the value of column {name:?} is no user id"
            ));
            None
        }
    }
}

fn take(
    rule: &Rule,
    new: Option<AnyElement>,
    old: Option<AnyElement>,
) -> crate::report::Result<Taken> {
    let (whole, payload): (bool, &[(String, Column)]) = match &rule.payload {
        Payload::WholeRow => (true, &[]),
        Payload::Columns(columns) => (false, columns),
    };
    let single = [
        &rule.target,
        &rule.actor,
        &rule.scheduled_for,
        &rule.expires_at,
    ];
    let is_old = |column: &Column| column.is_old;
    let name = |column: &Column| column.name.clone();
    let arguments = [
        jsonb(new),
        jsonb(old),
        whole.into(),
        payload
            .iter()
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>()
            .into(),
        payload
            .iter()
            .map(|(_, column)| is_old(column))
            .collect::<Vec<_>>()
            .into(),
        payload
            .iter()
            .map(|(_, column)| name(column))
            .collect::<Vec<_>>()
            .into(),
        single
            .map(|column| column.as_ref().is_some_and(is_old))
            .to_vec()
            .into(),
        single
            .map(|column| column.as_ref().map(name))
            .to_vec()
            .into(),
        rule.dedup.iter().map(is_old).collect::<Vec<_>>().into(),
        rule.dedup.iter().map(name).collect::<Vec<_>>().into(),
        rule.update.clone().into(),
    ];
    TRIGGER_ROW
        .keyed_row(&arguments, |row| {
            Ok(Taken {
                payload: row.want(1, "payload")?,
                target: row.get(2)?,
                actor: row.get(3)?,
                scheduled_for: row.get(4)?,
                expires_at: row.get(5)?,
                dedup: row.get(6)?,
                has_changed: row.want(7, "comparison")?,
            })
        })?
        .ok_or_else(|| unexpected("row"))
}
