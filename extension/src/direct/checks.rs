//! CHECK constraints that are made ready once per backend: for a statement the server reads and plans their stored text anew, which
//! takes a tenth of what it takes to write a row.

use std::ffi::CStr;
use std::mem::size_of;

use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

/// The constraints of one table, ready to be asked; the executor's own expressions, in memory of their own.
pub struct Checks {
    memory: pg_sys::MemoryContext,
    ready: *mut *mut pg_sys::ExprState,
}

impl Checks {
    /// Those of an open table. `None`: it has others than these (as `pg_get_expr` tells them), of which nobody knows here
    /// whether they stay as they are: they are left to the executor.
    ///
    /// # Safety
    /// The relation is open.
    pub unsafe fn find(relation: pg_sys::Relation, ours: &[&str]) -> Option<Self> {
        // SAFETY: the relation is open, so what it points to is there. What is made ready belongs to the new memory alone.
        unsafe {
            let constraints = (*(*relation).rd_att).constr.as_ref()?;
            let count = usize::from(constraints.num_check);
            let checks =
                (count > 0).then(|| std::slice::from_raw_parts(constraints.check, count))?;
            let is_ours = |check: &pg_sys::ConstrCheck| {
                let told = expression((*relation).rd_id, CStr::from_ptr(check.ccbin));
                is_enforced(check) && told.is_some_and(|told| ours.contains(&told.as_str()))
            };
            if !checks.iter().all(is_ours) {
                return None;
            }
            let memory = pg_sys::AllocSetContextCreateInternal(
                pg_sys::CacheMemoryContext,
                c"pg_herald checks".as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
            );
            let before = pg_sys::MemoryContextSwitchTo(memory);
            let ready: *mut *mut pg_sys::ExprState =
                pg_sys::palloc0(count * size_of::<*mut pg_sys::ExprState>()).cast();
            for (place, check) in checks.iter().enumerate() {
                let stored = pg_sys::stringToNode(check.ccbin);
                let planned = pg_sys::expression_planner(stored.cast());
                *ready.add(place) = pg_sys::ExecInitExpr(planned, std::ptr::null_mut());
            }
            pg_sys::MemoryContextSwitchTo(before);
            Some(Self { memory, ready })
        }
    }

    /// Has the executor ask these when it writes into the table.
    ///
    /// # Safety
    /// The table is the one they were found on, unchanged, and this outlives the executor's state.
    pub unsafe fn serve(&self, table: *mut pg_sys::ResultRelInfo) {
        // SAFETY: as above.
        unsafe {
            #[cfg(any(feature = "pg15", feature = "pg16"))]
            {
                (*table).ri_ConstraintExprs = self.ready;
            }
            #[cfg(feature = "pg18")]
            {
                (*table).ri_CheckConstraintExprs = self.ready;
            }
        }
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        // SAFETY: nobody else has the memory. When the process ends, the server gives it back itself.
        unsafe {
            if !pg_sys::proc_exit_inprogress && !std::thread::panicking() {
                pg_sys::MemoryContextDelete(self.memory);
            }
        }
    }
}

/// The stored text of a constraint as SQL.
///
/// # Safety
/// It is stored with a constraint of that table.
unsafe fn expression(table: Oid, stored: &CStr) -> Option<String> {
    let arguments = [stored.to_str().ok()?.into_datum(), table.into_datum()];
    // SAFETY: the function takes a pg_node_tree, which is made like a text, and a table.
    unsafe { pgrx::direct_function_call(pg_sys::pg_get_expr, &arguments) }
}

#[cfg(any(feature = "pg15", feature = "pg16"))]
const fn is_enforced(_: &pg_sys::ConstrCheck) -> bool {
    true
}

#[cfg(feature = "pg18")]
const fn is_enforced(check: &pg_sys::ConstrCheck) -> bool {
    check.ccenforced
}
