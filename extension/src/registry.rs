//! What the registry says of event types, kept in the backend's memory for as long as it is true.
//!
//! Event types, templates and settings change seldom and are read by every emit. Triggers on the three tables send an
//! invalidation of their table with the commit of every change, as a change of a catalogue does; before each use a backend
//! takes in what has arrived and forgets what it knew. So nobody works with a row that a finished commit has replaced.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use pgrx::datum::{Interval, Uuid};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::queries::{EVENT_TYPE_RULES, REGISTRY_TABLES};
use crate::query::FreshSnapshot;
use crate::report::{self, unexpected};
use crate::text::Version;

/// Most event types that a backend remembers.
const MOST: usize = 1000;
/// No event type has this name: what is asked about it holds for texts without an event.
pub const NO_TYPE: &str = "";

/// One event type with its text and the installation's rules.
pub struct EventType {
    /// It is registered.
    pub is_known: bool,
    /// Its texts may go out.
    pub is_active: bool,
    /// Bad input raises.
    pub strict: bool,
    /// For administrators alone.
    pub admin_only: bool,
    /// The channels it goes out on.
    pub channels: Vec<String>,
    /// The priority of an event that names none.
    pub default_priority: String,
    /// How long an event is worth telling.
    pub expires_after: Option<Interval>,
    /// Its template's key.
    pub template_key: Option<String>,
    /// The template version in use.
    pub template_id: Option<Uuid>,
    /// The text of that version.
    pub version: Option<Version>,
    /// The template has other languages.
    pub has_variants: bool,
    /// Setting `allowed_country_prefixes`.
    pub prefixes: Vec<String>,
    /// Setting `quiet_hours_spread_seconds`.
    pub spread: Option<i32>,
    /// Setting `minimum_validity_seconds`.
    pub minimum: Option<i32>,
}

/// The tables that the memory comes from.
#[derive(Clone, Copy)]
struct Tables {
    oids: [pg_sys::Oid; 3],
    /// Their triggers tell of every change. Without them nothing is remembered.
    are_watched: bool,
}

thread_local! {
    /// Counts what has made the memory worthless.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    static TABLES: Cell<Option<Tables>> = const { Cell::new(None) };
    /// The event types as they were after so many changes. Never borrowed while a statement runs.
    static KNOWN: RefCell<(u64, HashMap<String, Rc<EventType>>)> = RefCell::default();
}

/// Has the server tell of changes; called once when a backend loads the library.
pub fn watch() {
    // SAFETY: a plain call of the server from _PG_init; the callback lives as long as the backend.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(changed), pg_sys::Datum::from(0)) };
}

/// The server's news that a table has changed (invalid: any may have). It comes at any time, so it touches two cells only.
extern "C-unwind" fn changed(_argument: pg_sys::Datum, table: pg_sys::Oid) {
    let concerns = TABLES
        .get()
        .is_none_or(|tables| table == pg_sys::InvalidOid || tables.oids.contains(&table));
    if concerns {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        TABLES.set(None);
    }
}

/// Row trigger of the three tables: whoever remembers them shall read them again.
#[pg_trigger(sql = false)]
fn herald_registry_changed<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, ErrorReport> {
    let table = trigger
        .relid()
        .map_err(|_| unexpected("table of the trigger"))?;
    // SAFETY: a plain call of the server with the table whose trigger this is; it is sent when the transaction commits.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
    Ok(trigger.new().or_else(|| trigger.old()))
}

/// What holds for a text without an event: the installation's rules and no more.
pub fn installation() -> report::Result<Rc<EventType>> {
    event_type(NO_TYPE)
}

/// What the registry says of an event type now.
pub fn event_type(name: &str) -> report::Result<Rc<EventType>> {
    // SAFETY: reads a variable of this single-threaded backend.
    if unsafe { pg_sys::XactIsoLevel } >= pg_sys::XACT_REPEATABLE_READ as i32 {
        // This transaction sees the tables of its beginning, and a serializable one must be seen reading them.
        return read(name).map(Rc::new);
    }
    // SAFETY: a plain call of the server inside a transaction.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    let changes = CHANGES.get();
    let found = KNOWN.with_borrow(|(at, known)| {
        if *at == changes {
            known.get(name).cloned()
        } else {
            None
        }
    });
    if let Some(found) = found {
        return Ok(found);
    }
    let tables = match TABLES.get() {
        Some(tables) => tables,
        None => find_tables()?,
    };
    let found = {
        // Later than every change that was counted above.
        let _fresh = FreshSnapshot::begin();
        Rc::new(read(name)?)
    };
    // A change that came in meanwhile may or may not be in what was read.
    if (found.is_known || name == NO_TYPE) && tables.are_watched && CHANGES.get() == changes {
        TABLES.set(Some(tables));
        KNOWN.with_borrow_mut(|(at, known)| {
            if *at != changes || known.len() >= MOST {
                known.clear();
            }
            *at = changes;
            known.insert(name.to_owned(), Rc::clone(&found));
        });
    }
    Ok(found)
}

fn find_tables() -> report::Result<Tables> {
    let found = REGISTRY_TABLES.row(&[], |row| {
        Ok(Tables {
            oids: [
                row.want(1, "table")?,
                row.want(2, "table")?,
                row.want(3, "table")?,
            ],
            are_watched: row.want(4, "trigger")?,
        })
    })?;
    found.ok_or_else(|| unexpected("table"))
}

fn read(name: &str) -> report::Result<EventType> {
    let found = EVENT_TYPE_RULES.keyed_row(&[name.into()], |row| {
        Ok(EventType {
            is_known: row.want(1, "event type")?,
            is_active: row.want(2, "event type")?,
            strict: row.want(3, "event type")?,
            admin_only: row.want(4, "event type")?,
            channels: row.want(5, "event type")?,
            default_priority: row.want(6, "event type")?,
            expires_after: row.get(7)?,
            template_key: row.get(8)?,
            template_id: row.get(9)?,
            version: match row.get::<&str>(10)? {
                Some(template) => {
                    let required = row.get(11)?.unwrap_or_default();
                    Some(Version::new(template, required, row.get(12)?))
                }
                None => None,
            },
            prefixes: row.want(13, "setting allowed_country_prefixes")?,
            spread: row.get(14)?,
            minimum: row.get(15)?,
            has_variants: row.want(16, "template")?,
        })
    })?;
    found.ok_or_else(|| unexpected("event type"))
}
