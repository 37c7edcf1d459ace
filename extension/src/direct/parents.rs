//! Foreign keys to rows that are written together with the rows that have them: nobody has to look whether those are there, which
//! took a sixth of emit.

use std::ffi::CStr;

use pgrx::PgList;
use pgrx::pg_sys::{self, Oid};

use super::{Opened, find};

/// A column that refers to the key of another table, both of one column.
pub struct Reference {
    /// The column.
    pub column: &'static CStr,
    /// The table it refers to.
    pub table: &'static CStr,
    /// That table's key.
    pub key: &'static CStr,
}

/// Where a row's parent would be looked for.
pub struct Parent {
    /// The table it refers to.
    pub table: Oid,
    /// The trigger that looks.
    look: Oid,
}

impl Parent {
    /// The foreign key behind a reference. `None`: there is none (any more), or it is not of this kind.
    pub(super) fn find(opened: &Opened, reference: &Reference) -> Option<Self> {
        let table = find(reference.table)?;
        let (column, _) = opened.column(reference.column)?;
        // SAFETY: a catalogue look-up by a C string; a column that does not exist is 0.
        let key = unsafe { pg_sys::get_attnum(table, reference.key.as_ptr()) };
        // SAFETY: the relation is open; the list is of such nodes, and belongs to the relation's entry in the cache.
        let foreign_keys = unsafe {
            PgList::<pg_sys::ForeignKeyCacheInfo>::from_pg(pg_sys::RelationGetFKeyList(
                opened.relation,
            ))
        };
        let constraint = foreign_keys
            .iter_ptr()
            // SAFETY: as above.
            .map(|foreign_key| unsafe { &*foreign_key })
            .find(|foreign_key| {
                foreign_key.nkeys == 1
                    && foreign_key.confrelid == table
                    && foreign_key.conkey.first() == Some(&column)
                    && foreign_key.confkey.first() == Some(&key)
            })?
            .conoid;
        let looks = |trigger: &pg_sys::Trigger| {
            trigger.tgconstraint == constraint
                && trigger.tgfoid == Oid::from(pg_sys::F_RI_FKEY_CHECK_INS)
        };
        // SAFETY: the relation is open, so its description of triggers is there and has as many as it says.
        let triggers = unsafe {
            let description = (*opened.relation).trigdesc.as_ref()?;
            let count = usize::try_from(description.numtriggers).ok()?;
            std::slice::from_raw_parts(description.triggers, count)
        };
        let look = triggers.iter().find(|trigger| looks(trigger))?.tgoid;
        Some(Self { table, look })
    }

    /// Leaves the look out for a row whose parent is written.
    ///
    /// # Safety
    /// The executor's state has just been made for the table, and nobody else has its description of the triggers.
    pub unsafe fn is_there(&self, table: *mut pg_sys::ResultRelInfo) {
        // SAFETY: as above; a trigger that goes makes room at the end of the list.
        unsafe {
            let Some(description) = (*table).ri_TrigDesc.as_mut() else {
                return;
            };
            let count = usize::try_from(description.numtriggers).unwrap_or(0);
            let triggers = std::slice::from_raw_parts_mut(description.triggers, count);
            let Some(place) = triggers
                .iter()
                .position(|trigger| trigger.tgoid == self.look)
            else {
                return;
            };
            triggers.copy_within(place + 1.., place);
            description.numtriggers -= 1;
        }
    }
}
