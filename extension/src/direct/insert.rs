//! Rows written at once, each into a table of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_void};
use std::mem::size_of;
use std::ptr::null_mut;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, Datum, Oid};

use super::checks::Checks;
use super::parents::{Parent, Reference};
use super::{Opened, find, is_still};
use crate::query::ByKeys;

/// A table and the columns that get values.
pub struct Target {
    /// The table.
    pub name: &'static CStr,
    /// Its columns in the order of the values, and their types.
    pub columns: &'static [(&'static CStr, Oid)],
    /// Those of them whose domain is to be asked whether the value is allowed. The others get words of our own.
    pub checked: &'static [&'static CStr],
    /// Its CHECK constraints as they are made.
    pub constraints: &'static [&'static str],
    /// What it refers to, if that is written with it.
    pub parent: Option<Reference>,
}

/// Rows that are to be written into one table.
pub struct NewRows<'a> {
    /// Where.
    pub shape: &'a Shape,
    /// What they refer to by [`Target::parent`] is locked by this transaction.
    pub has_parent: bool,
    /// The values of [`Target::columns`] for each row, worked out when it is written.
    pub values: Box<dyn Iterator<Item = Vec<DatumWithOid<'a>>> + 'a>,
}

/// How a row of a table comes about.
pub struct Shape {
    table: Oid,
    /// What goes into each column.
    columns: Vec<Column>,
    /// The types of the values that a row is made from.
    given: Vec<Oid>,
    /// Its CHECK constraints, unless somebody has added one.
    checks: Option<Checks>,
    /// Its foreign key to what is written with it.
    parent: Option<Parent>,
    /// No trigger makes another row of it, or none.
    is_as_given: bool,
}

struct Column {
    content: Content,
    /// The domain that has to allow the value.
    domain: Option<Oid>,
}

impl Column {
    const DROPPED: Self = Self {
        content: Content::Null,
        domain: None,
    };
}

enum Content {
    /// The value at this place.
    Given(usize),
    /// NULL, since the column has no default.
    Null,
    /// A default that is always the same.
    Always(Constant),
    /// The default `now()`.
    Now,
}

/// A value of its own memory, since that of a transaction ends with it.
enum Constant {
    ByValue(Datum),
    Stored(Box<[u64]>),
}

thread_local! {
    /// What the server remembers of the domains' checks; by domain, for as long as the backend lives.
    static CHECKS: RefCell<HashMap<Oid, *mut c_void>> = RefCell::default();
}

impl Shape {
    /// What a table is like, if it is as it is made. Defaults count as they are now.
    pub fn find(target: &Target) -> Option<Self> {
        let table = find(target.name)?;
        let opened = Opened::to_read(table)?;
        if !opened.is_plain() || has_other_triggers(&opened) {
            return None;
        }
        // SAFETY: the relation is open.
        let description = unsafe { &*(*opened.relation).rd_att };
        let count = usize::try_from(description.natts).ok()?;
        let mut contents: Vec<Option<Content>> = (0..count).map(|_| None).collect();
        for (place, &(name, of_type)) in target.columns.iter().enumerate() {
            let (number, its_type) = opened.column(name)?;
            // SAFETY: a catalogue look-up; what is no domain is its own base.
            if unsafe { pg_sys::getBaseType(its_type) } != of_type {
                return None;
            }
            *contents.get_mut(usize::try_from(number - 1).ok()?)? = Some(Content::Given(place));
        }
        let checked = target
            .checked
            .iter()
            .map(|&name| opened.column(name).map(|(number, _)| number));
        let checked = checked.collect::<Option<Vec<_>>>()?;
        let columns = contents.into_iter().zip(1..).map(|(content, number)| {
            // SAFETY: a catalogue look-up by the relation's id.
            let its_type = unsafe { pg_sys::get_atttype(table, number) };
            if its_type == pg_sys::InvalidOid {
                return Some(Column::DROPPED);
            }
            // SAFETY: as above; what is no domain is its own base.
            let base_type = unsafe { pg_sys::getBaseType(its_type) };
            let is_checked = its_type != base_type && checked.contains(&number);
            Some(Column {
                content: match content {
                    Some(given) => given,
                    None => default(&opened, number)?,
                },
                domain: is_checked.then_some(its_type),
            })
        });
        Some(Self {
            table,
            columns: columns.collect::<Option<_>>()?,
            given: target.columns.iter().map(|&(_, of_type)| of_type).collect(),
            // SAFETY: the relation is open.
            checks: unsafe { Checks::find(opened.relation, target.constraints) },
            parent: target
                .parent
                .as_ref()
                .and_then(|reference| Parent::find(&opened, reference)),
            // SAFETY: the relation is open; without triggers there is no description of them.
            is_as_given: unsafe { (*opened.relation).trigdesc.as_ref() }
                .is_none_or(|triggers| !triggers.trig_insert_before_row),
        })
    }

    /// Whether these are values for it.
    fn takes(&self, values: &[DatumWithOid<'_>]) -> bool {
        values
            .iter()
            .map(DatumWithOid::oid)
            .eq(self.given.iter().copied())
    }
}

/// Whether something besides triggers for each row happens when rows are inserted.
fn has_other_triggers(opened: &Opened) -> bool {
    // SAFETY: the relation is open; without triggers there is no description of them.
    unsafe { (*opened.relation).trigdesc.as_ref() }.is_some_and(|triggers| {
        triggers.trig_insert_before_statement
            || triggers.trig_insert_after_statement
            || triggers.trig_insert_new_table
            || triggers.trig_insert_instead_row
    })
}

/// What a column gets that no value is given for. `None`: that takes a statement to find out.
fn default(opened: &Opened, number: i16) -> Option<Content> {
    // SAFETY: the relation is open and has a column of this number. What is made here lives in the current memory context.
    unsafe {
        if pg_sys::get_attgenerated((*opened.relation).rd_id, number) != 0 {
            return None;
        }
        let expression = pg_sys::build_column_default(opened.relation, i32::from(number));
        if expression.is_null() {
            return Some(Content::Null);
        }
        let planned = pg_sys::expression_planner(expression.cast());
        match (*planned.cast::<pg_sys::Node>()).type_ {
            pg_sys::NodeTag::T_Const => Constant::of(&*planned.cast::<pg_sys::Const>()),
            pg_sys::NodeTag::T_FuncExpr => {
                let is_now =
                    (*planned.cast::<pg_sys::FuncExpr>()).funcid == Oid::from(pg_sys::F_NOW);
                is_now.then_some(Content::Now)
            }
            _ => None,
        }
    }
}

impl Constant {
    fn of(constant: &pg_sys::Const) -> Option<Content> {
        if constant.constisnull {
            return Some(Content::Null);
        }
        if constant.constbyval {
            return Some(Content::Always(Self::ByValue(constant.constvalue)));
        }
        let value: *mut pg_sys::varlena = constant.constvalue.cast_mut_ptr();
        if constant.constlen != -1 {
            return None;
        }
        // SAFETY: a value of variable length says how long it is; the copy has room for it.
        unsafe {
            let length = pgrx::varsize_any(value);
            let mut copy = vec![0_u64; length.div_ceil(size_of::<u64>())].into_boxed_slice();
            std::ptr::copy_nonoverlapping(
                value.cast::<u8>(),
                copy.as_mut_ptr().cast::<u8>(),
                length,
            );
            Some(Content::Always(Self::Stored(copy)))
        }
    }

    fn datum(&self) -> Datum {
        match self {
            Self::ByValue(datum) => *datum,
            Self::Stored(bytes) => Datum::from(bytes.as_ptr()),
        }
    }
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
            let parent = shape.parent.as_ref();
            let parent = parent.filter(|parent| rows.has_parent || written.contains(&parent.table));
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
