//! What is wrong with triggers, said when they are made and whenever somebody asks.

use herald_core::trigger::{Fault, Firing, Kind, Payload, Rule};
use pgrx::iter::TableIterator;
use pgrx::name_data_to_str;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use pgrx::tupdesc::PgTupleDesc;

use crate::lookup::lookup;
use crate::queries::{TRIGGERS, TRIGGERS_OF_COMMAND};
use crate::query::{Query, Row};
use crate::report::{Result, invalid, report};

/// Bits of `pg_trigger.tgtype` (catalog/pg_trigger.h).
const ROW: i16 = 1;
const BEFORE: i16 = 1 << 1;
const INSERT: i16 = 1 << 2;
const DELETE: i16 = 1 << 3;
const UPDATE: i16 = 1 << 4;
const TRUNCATE: i16 = 1 << 5;
const INSTEAD: i16 = 1 << 6;

/// A trigger as the catalogues describe it.
struct Described {
    table: String,
    name: String,
    arguments: Vec<String>,
    firing: Firing,
    columns: Vec<(String, Kind)>,
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_check_ddl() -> Result<()> {
    for trigger in described(&TRIGGERS_OF_COMMAND, &[])? {
        let faults: Vec<String> = trigger.faults().iter().map(Fault::to_string).collect();
        if !faults.is_empty() {
            return Err(invalid(
                format!(
                    "trigger {:?} on {} cannot emit events: {}",
                    trigger.name,
                    trigger.table,
                    faults.join("; ")
                ),
                "EXECUTE FUNCTION emit_notification_event_trigger('event.type', 'target=column', 'payload=column,key:column', \
                 'dedup=column', 'update=column'), AFTER the change.",
            ));
        }
    }
    Ok(())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn check_notification_trigger(
    table: Option<Oid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(table_name, String),
            name!(trigger_name, String),
            name!(problem, String),
        ),
    >,
> {
    if let Some(table) = table
        // SAFETY: a catalogue look-up that returns NULL for an oid that names nothing.
        && unsafe { pg_sys::get_rel_name(table) }.is_null()
    {
        return Err(report(
            PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
            format!("there is no table with oid {}", table.to_u32()),
            "Pass a table's name, or NULL for all tables.",
        ));
    }
    let mut problems = Vec::new();
    for trigger in described(&TRIGGERS, &[table.into()])? {
        let faults = trigger.faults().into_iter().map(|fault| fault.to_string());
        for problem in faults.chain(trigger.problems_of_text()?) {
            problems.push((trigger.table.clone(), trigger.name.clone(), problem));
        }
    }
    Ok(TableIterator::new(problems))
}

fn described(query: &Query, arguments: &[pgrx::datum::DatumWithOid<'_>]) -> Result<Vec<Described>> {
    query.catalog_rows(arguments, |row: &Row<'_>| {
        let arguments: Vec<u8> = row.want(3, "arguments")?;
        let kind: i16 = row.want(4, "kind")?;
        let names: Vec<String> = row.want(7, "columns")?;
        let types: Vec<Oid> = row.want(8, "columns")?;
        Ok(Described {
            table: row.want(1, "table")?,
            name: row.want(2, "trigger")?,
            // Each argument ends with a zero byte.
            arguments: arguments
                .split_inclusive(|&byte| byte == 0)
                .map(|bytes| String::from_utf8_lossy(&bytes[..bytes.len() - 1]).into_owned())
                .collect(),
            firing: Firing {
                is_after: kind & (BEFORE | INSTEAD) == 0,
                is_row: kind & ROW != 0,
                insert: kind & INSERT != 0,
                update: kind & UPDATE != 0,
                delete: kind & DELETE != 0,
                truncate: kind & TRUNCATE != 0,
                has_new_table: row.want(5, "transition table")?,
                has_old_table: row.want(6, "transition table")?,
            },
            columns: names
                .into_iter()
                .zip(types.into_iter().map(kind_of_type))
                .collect(),
        })
    })
}

impl Described {
    fn faults(&self) -> Vec<Fault> {
        let (rule, mut faults) = Rule::parse(&self.arguments);
        faults.extend(rule.faults(self.firing, |name| {
            let (_, kind) = self.columns.iter().find(|(known, _)| known == name)?;
            Some(*kind)
        }));
        faults
    }

    /// Whether the registry has the type and a text for it, and the payload what the text needs.
    fn problems_of_text(&self) -> Result<Vec<String>> {
        let (rule, _) = Rule::parse(&self.arguments);
        let needs = match lookup(&rule.event_type, None, None, None, None)?.needs(&rule.event_type)
        {
            Ok(needs) => needs,
            Err(problem) => return Ok(vec![problem]),
        };
        let has = |key: &str| match &rule.payload {
            Payload::WholeRow => self.columns.iter().any(|(name, _)| name == key),
            Payload::Columns(columns) => columns.iter().any(|(name, _)| name == key),
        };
        let missing: Vec<String> = needs
            .into_iter()
            .filter(|name| !has(name.split('.').next().unwrap_or(name)))
            .collect();
        Ok(match missing.is_empty() {
            true => Vec::new(),
            false => vec![format!("missing_variables: {}", missing.join(", "))],
        })
    }
}

/// What a column of a relation can hold; `None` if there is no such column.
pub fn kind_of(columns: &PgTupleDesc<'_>, name: &str) -> Option<Kind> {
    let column = columns
        .iter()
        .find(|column| !column.attisdropped && name_data_to_str(&column.attname) == name)?;
    // SAFETY: a catalogue look-up of a type that the relation uses.
    Some(kind_of_type(unsafe {
        pg_sys::getBaseType(column.atttypid)
    }))
}

fn kind_of_type(base: Oid) -> Kind {
    match base {
        pg_sys::UUIDOID => Kind::Uuid,
        pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BPCHAROID => Kind::Text,
        pg_sys::TIMESTAMPTZOID | pg_sys::TIMESTAMPOID | pg_sys::DATEOID => Kind::Time,
        _ => Kind::Other,
    }
}
