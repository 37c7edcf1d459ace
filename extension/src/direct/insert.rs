//! Rows written at once, each table's together.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::null_mut;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, Datum, Oid};

use super::parents::Parent;
use super::shape::{Content, Shape};
use super::{Opened, is_still};
use crate::query::ByKeys;

/// Rows that are to be written into one table.
pub struct NewRows<'a> {
    /// Where.
    pub shape: &'a Shape,
    /// What they refer to by [`Target::parent`] is locked by this transaction.
    pub has_parent: bool,
    /// The values of [`Target::columns`] for each row, worked out when it is written.
    pub values: Box<dyn Iterator<Item = Vec<DatumWithOid<'a>>> + 'a>,
}

thread_local! {
    /// What the server remembers of the domains' checks; by domain, for as long as the backend lives.
    static CHECKS: RefCell<HashMap<Oid, *mut c_void>> = RefCell::default();
}

/// Writes the rows, in this order, each the child of the one that it refers to by [`Target::parent`], and then runs what their
/// triggers have to check. `None`: nothing was written, the tables have changed since `state`. Raises what an INSERT would.
pub fn insert(state: u64, tables: Vec<NewRows<'_>>) -> Option<()> {
    let opened = tables
        .iter()
        .map(|rows| Opened::to_write(rows.shape.table))
        .collect::<Option<Vec<_>>>()?;
    if !is_still(state) {
        return None;
    }
    // The server plans its look at a foreign key once per session: not for the few rows that there are now.
    let _by_keys = ByKeys::begin();
    // SAFETY: what the server's own apply worker does: an executor's state of its own, one relation after the other with its
    // indexes, and the row triggers within one level of their queue. Relations are open and locked, the slots are of their types,
    // and nothing here returns early. After an error the server clears all of it with the transaction.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(c"INSERT".as_ptr());
        pg_sys::PreventCommandIfParallelMode(c"INSERT".as_ptr());
        pg_sys::CommandCounterIncrement();
        let executor = pg_sys::CreateExecutorState();
        let before = pg_sys::MemoryContextSwitchTo((*executor).es_query_cxt);
        pg_sys::AfterTriggerBeginQuery();
        let mut written: Vec<Oid> = Vec::with_capacity(opened.len());
        for (rows, opened) in tables.into_iter().zip(&opened) {
            let shape = rows.shape;
            let parent = shape.parent.as_ref().filter(|parent| {
                shape.is_as_given && (rows.has_parent || written.contains(&parent.table))
            });
            write(executor, opened.relation, parent, rows);
            if shape.is_as_given {
                written.push(shape.table);
            }
        }
        pg_sys::AfterTriggerEndQuery(executor);
        pg_sys::ExecCloseResultRelations(executor);
        pg_sys::ExecResetTupleTable((*executor).es_tupleTable, false);
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::FreeExecutorState(executor);
    }
    Some(())
}

/// Writes rows into one table; nobody has to look for their parents if `parent` is there.
///
/// # Safety
/// Within a level of the triggers' queue, in the executor's memory; the relation is open for writing and of the rows' shape.
unsafe fn write(
    executor: *mut pg_sys::EState,
    relation: pg_sys::Relation,
    parent: Option<&Parent>,
    mut rows: NewRows<'_>,
) {
    let shape = rows.shape;
    // SAFETY: as above.
    unsafe {
        let info: *mut pg_sys::ResultRelInfo =
            pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast();
        (*info).type_ = pg_sys::NodeTag::T_ResultRelInfo;
        pg_sys::InitResultRelInfo(info, relation, 0, null_mut(), 0);
        if let Some(checks) = &shape.checks {
            checks.serve(info);
        }
        if let Some(parent) = parent {
            parent.is_there(info);
        }
        (*executor).es_opened_result_relations =
            pg_sys::lappend((*executor).es_opened_result_relations, info.cast());
        pg_sys::ExecOpenIndices(info, false);
        let slot = pg_sys::ExecInitExtraTupleSlot(
            executor,
            (*relation).rd_att,
            &raw const pg_sys::TTSOpsVirtual,
        );
        // What a row takes goes with it.
        let of_row = (*pg_sys::MakePerTupleExprContext(executor)).ecxt_per_tuple_memory;
        loop {
            let of_all = pg_sys::MemoryContextSwitchTo(of_row);
            let values = rows.values.next();
            if let Some(values) = &values {
                fill(slot, shape, values);
            }
            pg_sys::MemoryContextSwitchTo(of_all);
            if values.is_none() {
                break;
            }
            pg_sys::ExecSimpleRelationInsert(info, executor, slot);
            pg_sys::ExecClearTuple(slot);
            pg_sys::MemoryContextReset(of_row);
        }
    }
}

/// Puts the values of a row where the executor takes them from.
///
/// # Safety
/// The slot is empty, and of the shape's table.
unsafe fn fill(slot: *mut pg_sys::TupleTableSlot, shape: &Shape, values: &[DatumWithOid<'_>]) {
    if !shape.takes(values) {
        pgrx::error!("pg_herald made a row of other types than its table has; please report this");
    }
    // SAFETY: as above, and the values are for it.
    unsafe {
        for (place, column) in shape.columns.iter().enumerate() {
            let value = match &column.content {
                Content::Null => None,
                Content::Given(given) => values
                    .get(*given)
                    .and_then(|value| value.datum())
                    .map(|datum| datum.sans_lifetime()),
                Content::Always(constant) => Some(constant.datum()),
                Content::Now => Some(Datum::from(pg_sys::GetCurrentTransactionStartTimestamp())),
            };
            if let Some(domain) = column.domain {
                check(value, domain);
            }
            *(*slot).tts_values.add(place) = value.unwrap_or(Datum::null());
            *(*slot).tts_isnull.add(place) = value.is_none();
        }
        pg_sys::ExecStoreVirtualTuple(slot);
    }
}

/// Raises 23514 for a value that a domain does not allow.
///
/// # Safety
/// The value is of the domain's base type.
unsafe fn check(value: Option<Datum>, domain: Oid) {
    let mut remembered = CHECKS
        .with_borrow(|checks| checks.get(&domain).copied())
        .unwrap_or(null_mut());
    // SAFETY: the server keeps what it remembers up to date itself, in memory that is never freed.
    unsafe {
        pg_sys::domain_check(
            value.unwrap_or(Datum::null()),
            value.is_none(),
            domain,
            &raw mut remembered,
            pg_sys::TopMemoryContext,
        );
    }
    CHECKS.with_borrow_mut(|checks| checks.insert(domain, remembered));
}
