//! Rows as JSON, from the tuples a trigger is given: the only code here that reads the server's structures by hand.

use herald_core::trigger::Firing;
use pgrx::datum::AnyElement;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::prelude::*;
use pgrx::tupdesc::PgTupleDesc;
use pgrx::{direct_function_call_as_datum, name_data_to_str, pg_sys};

/// Calls `emit` with the new and the old image of each row that the trigger fires for. In an image all columns are NULL but
/// `names` (`None` = all), so that a long value that nobody asked for is never read.
pub fn each_change(
    trigger: &PgTrigger<'_>,
    firing: Firing,
    names: Option<&[&str]>,
    mut emit: impl FnMut(Option<AnyElement>, Option<AnyElement>),
) {
    let data = trigger.trigger_data();
    // SAFETY: the server hands a trigger an open relation, and its tuples have that relation's columns.
    let columns = unsafe { (*data.tg_relation).rd_att };
    let image = |tuple: pg_sys::HeapTuple| {
        // SAFETY: as above.
        (!tuple.is_null())
            .then(|| unsafe { image(tuple, columns, names) })
            .flatten()
    };
    if firing.is_row {
        let first = data.tg_trigtuple;
        match firing {
            Firing { update: true, .. } => emit(image(data.tg_newtuple), image(first)),
            Firing { delete: true, .. } => emit(None, image(first)),
            _ => emit(image(first), None),
        }
        return;
    }
    // The rows before and after an UPDATE stand in the same order in both tables: the server adds them pair by pair.
    // SAFETY: the server's tuple stores live as long as the trigger runs.
    let mut new = unsafe { Rows::of(data.tg_newtable, columns) };
    let mut old = unsafe { Rows::of(data.tg_oldtable, columns) };
    let mut context = PgMemoryContexts::new("pg_herald: one row of a statement");
    loop {
        // SAFETY: nothing that is made in this context outlives the row; it is emptied for each.
        let goes_on = unsafe {
            context.reset();
            context.switch_to(|_| {
                let new = new.as_mut().and_then(Rows::next);
                let old = old.as_mut().and_then(Rows::next);
                let goes_on = new.is_some() || old.is_some();
                if goes_on {
                    emit(new.and_then(image), old.and_then(image));
                }
                goes_on
            })
        };
        if !goes_on {
            break;
        }
    }
}

/// One row as jsonb.
///
/// # Safety
/// `tuple` must have the columns `columns` of an open relation.
unsafe fn image(
    tuple: pg_sys::HeapTuple,
    columns: pg_sys::TupleDesc,
    names: Option<&[&str]>,
) -> Option<AnyElement> {
    // SAFETY: the caller's promise; row_to_json takes a composite value and returns text, jsonb_in takes a C string.
    unsafe {
        let tuple = match names {
            Some(names) => narrowed(tuple, columns, names),
            None => tuple,
        };
        let row = pg_sys::heap_copy_tuple_as_datum(tuple, columns);
        let json = direct_function_call_as_datum(pg_sys::row_to_json, &[Some(row)])?;
        let text = pg_sys::text_to_cstring(json.cast_mut_ptr());
        let image =
            direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(text))])?;
        AnyElement::from_polymorphic_datum(image, false, pg_sys::JSONBOID)
    }
}

/// The tuple with NULL in all columns that are not named.
///
/// # Safety
/// As for [`image`].
unsafe fn narrowed(
    tuple: pg_sys::HeapTuple,
    columns: pg_sys::TupleDesc,
    names: &[&str],
) -> pg_sys::HeapTuple {
    // SAFETY: the caller's promise; the arrays are as long as the description says.
    unsafe {
        let description = PgTupleDesc::from_pg_unchecked(columns);
        let mut values = vec![pg_sys::Datum::from(0); description.len()];
        let mut nulls = vec![true; description.len()];
        pg_sys::heap_deform_tuple(tuple, columns, values.as_mut_ptr(), nulls.as_mut_ptr());
        for (column, null) in description.iter().zip(&mut nulls) {
            *null = *null || !names.contains(&name_data_to_str(&column.attname));
        }
        pg_sys::heap_form_tuple(columns, values.as_mut_ptr(), nulls.as_mut_ptr())
    }
}

/// A transition table, read with a pointer of its own: other triggers read it too.
struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    pointer: i32,
    slot: *mut pg_sys::TupleTableSlot,
}

impl Rows {
    /// # Safety
    /// `store` must be NULL or a transition table with these columns that outlives the value.
    unsafe fn of(store: *mut pg_sys::Tuplestorestate, columns: pg_sys::TupleDesc) -> Option<Self> {
        if store.is_null() {
            return None;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let pointer =
                pg_sys::tuplestore_alloc_read_pointer(store, pg_sys::EXEC_FLAG_REWIND as i32);
            pg_sys::tuplestore_select_read_pointer(store, pointer);
            pg_sys::tuplestore_rescan(store);
            let slot =
                pg_sys::MakeSingleTupleTableSlot(columns, &raw const pg_sys::TTSOpsMinimalTuple);
            Some(Self {
                store,
                pointer,
                slot,
            })
        }
    }

    /// The next row; it lives in the current memory context.
    fn next(&mut self) -> Option<pg_sys::HeapTuple> {
        // SAFETY: store and slot live as long as self does; the tuple is copied out of the slot.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.store, self.pointer);
            if !pg_sys::tuplestore_gettupleslot(self.store, true, false, self.slot) {
                return None;
            }
            let mut is_copy = false;
            let tuple = pg_sys::ExecFetchSlotHeapTuple(self.slot, true, &mut is_copy);
            Some(if is_copy {
                tuple
            } else {
                pg_sys::heap_copytuple(tuple)
            })
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: we made the slot. After an error the server frees it with its memory context, and so it does anyway.
        if !std::thread::panicking() {
            unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) };
        }
    }
}
