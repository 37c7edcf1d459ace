//! One row by its unique key.

use std::ffi::CStr;

use pgrx::datum::AnyElement;
use pgrx::pg_sys::{self, AttrNumber, Datum, Oid};
use pgrx::prelude::*;

use super::{Opened, find, is_still};

/// Most columns that a key may have here.
const MOST_KEYS: usize = 2;

/// A table, the unique index that finds one row, that index' columns, and the columns that are wanted.
pub struct Table {
    /// The table.
    pub name: &'static CStr,
    /// Its index.
    pub index: &'static CStr,
    /// What the index is on: uuid or text.
    pub keys: &'static [(&'static CStr, Oid)],
    /// What is read.
    pub columns: &'static [(&'static CStr, Oid)],
}

/// Where a table's parts are.
pub struct Place {
    table: Oid,
    index: Oid,
    /// Column and collation of each of the index' keys.
    keys: Vec<(AttrNumber, Oid)>,
    columns: Vec<usize>,
}

/// A row while it is being read.
pub struct Row<'a> {
    columns: &'a [usize],
    values: Vec<Datum>,
    nulls: Vec<bool>,
}

impl Row<'_> {
    /// The value of one of the columns that are wanted; `None` for NULL. `T` is of the type that the [`Table`] names.
    pub fn get<T: FromDatum>(&self, place: usize) -> Option<T> {
        let column = *self.columns.get(place)?;
        // SAFETY: the column's type was compared when the table was found, and the row is pinned while it is read.
        unsafe { T::from_datum(*self.values.get(column)?, *self.nulls.get(column)?) }
    }

    /// The value as it is.
    pub fn element(&self, place: usize, of_type: Oid) -> Option<AnyElement> {
        let column = *self.columns.get(place)?;
        let (value, is_null) = (*self.values.get(column)?, *self.nulls.get(column)?);
        // SAFETY: as above.
        unsafe { AnyElement::from_polymorphic_datum(value, is_null, of_type) }
    }

    /// Whether there is a value.
    pub fn has(&self, place: usize) -> bool {
        let column = self.columns.get(place);
        column.and_then(|&column| self.nulls.get(column)) == Some(&false)
    }
}

impl Place {
    /// The table's parts, if all are as they are made.
    pub fn find(table: &Table) -> Option<Self> {
        if table.keys.len() > MOST_KEYS {
            return None;
        }
        let oid = find(table.name)?;
        let opened = Opened::to_read(oid)?;
        let index = Opened::to_read(find(table.index)?)?;
        // SAFETY: both are open, so what they point to is there; an index has a row of pg_index and as many collations as keys.
        let (form, collations) = unsafe {
            let form = (*index.relation).rd_index.as_ref()?;
            let is_ours = opened.is_plain()
                && form.indrelid == oid
                && form.indisvalid
                && form.indisunique
                && usize::try_from(form.indnkeyatts) == Ok(table.keys.len())
                // On all rows, and on columns alone.
                && pg_sys::RelationGetIndexPredicate(index.relation).is_null()
                && pg_sys::RelationGetIndexExpressions(index.relation).is_null();
            if !is_ours {
                return None;
            }
            (
                form,
                std::slice::from_raw_parts((*index.relation).rd_indcollation, table.keys.len()),
            )
        };
        let mut keys = Vec::with_capacity(table.keys.len());
        for ((place, &(name, of_type)), &collation) in table.keys.iter().enumerate().zip(collations)
        {
            let (column, its_type) = opened.column(name)?;
            // SAFETY: the index has as many key columns.
            let indexed = unsafe { *form.indkey.values.as_ptr().add(place) };
            if indexed != column || its_type != of_type {
                return None;
            }
            keys.push((column, collation));
        }
        let columns = table.columns.iter().map(|&(name, of_type)| {
            let (column, its_type) = opened.column(name)?;
            // SAFETY: a catalogue look-up; what is no domain is its own base.
            let base = unsafe { pg_sys::getBaseType(its_type) };
            (base == of_type)
                .then(|| usize::try_from(column - 1).ok())
                .flatten()
        });
        Some(Self {
            table: oid,
            index: form.indexrelid,
            keys,
            columns: columns.collect::<Option<_>>()?,
        })
    }

    /// Reads the row of this key, if there is one, as the active snapshot sees it. `None`: the table has changed since `state`.
    pub fn row(&self, state: u64, key: &[Datum], read: impl FnOnce(&Row<'_>)) -> Option<()> {
        let opened = Opened::to_read(self.table)?;
        let count = i32::try_from(self.keys.len())
            .ok()
            .filter(|_| is_still(state))?;
        if key.len() != self.keys.len() {
            return None;
        }
        let mut keys = [pg_sys::ScanKeyData::default(); MOST_KEYS];
        for ((entry, &(column, collation)), &value) in keys.iter_mut().zip(&self.keys).zip(key) {
            let equal = match collation == pg_sys::InvalidOid {
                true => pg_sys::F_UUID_EQ,
                false => pg_sys::F_TEXTEQ,
            };
            let strategy = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
            // SAFETY: it fills the entry; the function exists.
            unsafe {
                pg_sys::ScanKeyEntryInitialize(
                    entry,
                    0,
                    column,
                    strategy,
                    pg_sys::InvalidOid,
                    collation,
                    equal.into(),
                    value,
                );
            }
        }
        // SAFETY: plain calls of the server: the table is open and locked, the index is one of its own, the keys are of its
        // columns' types, and the snapshot stays active for longer than the scan. The row is read while the scan has it pinned.
        unsafe {
            let snapshot = pg_sys::GetActiveSnapshot();
            let scan = pg_sys::systable_beginscan(
                opened.relation,
                self.index,
                true,
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            let tuple = pg_sys::systable_getnext(scan);
            if !tuple.is_null() {
                let description = (*opened.relation).rd_att;
                let width = usize::try_from((*description).natts).unwrap_or(0);
                let mut row = Row {
                    columns: &self.columns,
                    values: vec![Datum::null(); width],
                    nulls: vec![true; width],
                };
                pg_sys::heap_deform_tuple(
                    tuple,
                    description,
                    row.values.as_mut_ptr(),
                    row.nulls.as_mut_ptr(),
                );
                read(&row);
            }
            pg_sys::systable_endscan(scan);
        }
        Some(())
    }
}
