//! Tables used without a statement: starting one costs more than what emit has to read and write of a single person.
//!
//! It is done as the server itself does it where it has no statement either: rows are read as those of catalogues are (`read`),
//! and written as the apply worker of logical replication writes them (`insert`), with all constraints, indexes and row
//! triggers. Only tables as `herald_install()` makes them are touched so: whatever else a user has made of them, such as
//! partitions, policies, rules or triggers for whole statements, is left to statements. So every function here may decline.

mod checks;
pub mod insert;
pub mod parents;
pub mod read;
pub mod shape;

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys::{self, AttrNumber, Datum, Oid};

thread_local! {
    /// The tables that somebody here knows something of. Never borrowed while the server is called.
    static WATCHED: RefCell<Vec<Oid>> = const { RefCell::new(Vec::new()) };
    /// Counts their changes.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Has the server tell of changes; called once when a backend loads the library.
pub fn watch() {
    // SAFETY: a plain call of the server from _PG_init; the callback lives as long as the backend.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(changed), Datum::from(0)) };
}

/// The server's news that a table has changed (invalid: any may have). It comes at any time.
extern "C-unwind" fn changed(_argument: Datum, table: Oid) {
    let concerns = table == pg_sys::InvalidOid
        || WATCHED.with(|watched| {
            watched
                .try_borrow()
                .is_ok_and(|watched| watched.contains(&table))
        });
    if concerns {
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
}

/// What is known of some tables, for as long as it is true.
pub struct Known<T>(RefCell<Option<(u64, Rc<T>)>>);

impl<T> Known<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// What is known, or else what `find` finds out, and the state of the tables of which it is true.
    pub fn get(&self, find: impl FnOnce() -> T) -> (u64, Rc<T>) {
        // SAFETY: a plain call of the server inside a transaction.
        unsafe { pg_sys::AcceptInvalidationMessages() };
        let now = CHANGES.get();
        if let Some((at, known)) = self.0.borrow().as_ref()
            && *at == now
        {
            return (now, Rc::clone(known));
        }
        let found = Rc::new(find());
        self.0.replace(Some((now, Rc::clone(&found))));
        (now, found)
    }
}

/// Whether the tables are still as they were.
fn is_still(state: u64) -> bool {
    CHANGES.get() == state
}

/// The table or index of this name in the schema herald. From here on its changes are told.
fn find(name: &CStr) -> Option<Oid> {
    // SAFETY: catalogue look-ups by C strings; what does not exist is 0.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"herald".as_ptr(), true);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    };
    if oid == pg_sys::InvalidOid {
        return None;
    }
    WATCHED.with_borrow_mut(|watched| {
        if !watched.contains(&oid) {
            watched.push(oid);
        }
    });
    Some(oid)
}

/// A relation that is open and locked while this lives.
struct Opened {
    relation: pg_sys::Relation,
    /// The lock that is given back with it.
    given_back: pg_sys::LOCKMODE,
}

impl Opened {
    /// For reading. `None` if there is no such table or index (any more).
    fn to_read(oid: Oid) -> Option<Self> {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        Self::open(oid, lock, lock)
    }

    /// For writing: the lock stays until the transaction ends, as it does after a statement.
    fn to_write(oid: Oid) -> Option<Self> {
        Self::open(
            oid,
            pg_sys::RowExclusiveLock as pg_sys::LOCKMODE,
            pg_sys::NoLock as pg_sys::LOCKMODE,
        )
    }

    fn open(oid: Oid, lock_mode: pg_sys::LOCKMODE, given_back: pg_sys::LOCKMODE) -> Option<Self> {
        // SAFETY: a plain call of the server inside a transaction; NULL if there is none.
        let relation = unsafe { pg_sys::try_relation_open(oid, lock_mode) };
        (!relation.is_null()).then_some(Self {
            relation,
            given_back,
        })
    }

    /// Whether it is an ordinary table that no policy and no rule stands before.
    fn is_plain(&self) -> bool {
        // SAFETY: the relation is open, and so its row of pg_class is there.
        let form = unsafe { &*(*self.relation).rd_rel };
        u8::try_from(form.relkind) == Ok(pg_sys::RELKIND_RELATION)
            && !form.relrowsecurity
            && !form.relhasrules
    }

    /// The number of a column and its type.
    fn column(&self, name: &CStr) -> Option<(AttrNumber, Oid)> {
        // SAFETY: catalogue look-ups by the relation's id; a column that does not exist (any more) is 0.
        unsafe {
            let table = (*self.relation).rd_id;
            let number = pg_sys::get_attnum(table, name.as_ptr());
            (number > 0).then(|| (number, pg_sys::get_atttype(table, number)))
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // After an error the server closes what is open itself.
        if !std::thread::panicking() {
            // SAFETY: opened by `open`.
            unsafe { pg_sys::relation_close(self.relation, self.given_back) };
        }
    }
}
