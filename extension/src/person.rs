//! What the tables say of one person and one event type, read by keys without a statement: starting a statement costs more than
//! all else that the gate does.
//!
//! What a statement would see is seen: its snapshot, through the unique indexes. Only tables as `herald_install()` makes them
//! are read like this; if anything else stands in their place the caller has to use a statement.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use herald_core::gate::Subscription;
use pgrx::datum::{AnyElement, Uuid};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::prelude::*;

use crate::json;
use crate::query::FreshSnapshot;

/// A table, the unique index that finds one row, that index' columns, and the columns that are wanted.
struct Table {
    name: &'static CStr,
    index: &'static CStr,
    keys: &'static [(&'static CStr, Oid)],
    columns: &'static [(&'static CStr, Oid)],
}

const SUBSCRIPTIONS: Table = Table {
    name: c"notification_subscriptions",
    index: c"notification_subscriptions_event_user_key",
    keys: &[
        (c"event_type", pg_sys::TEXTOID),
        (c"user_id", pg_sys::UUIDOID),
    ],
    columns: &[
        (c"id", pg_sys::UUIDOID),
        (c"is_active", pg_sys::BOOLOID),
        (c"filters", pg_sys::JSONBOID),
        (c"sms_enabled", pg_sys::BOOLOID),
    ],
};
const CHANNELS: Table = Table {
    name: c"user_notification_preferences",
    index: c"user_notification_preferences_user_key",
    keys: &[(c"user_id", pg_sys::UUIDOID)],
    columns: &[(c"sms_enabled", pg_sys::BOOLOID)],
};
const PEOPLE: Table = Table {
    name: c"user_sms_preferences",
    index: c"user_sms_preferences_user_key",
    keys: &[(c"user_id", pg_sys::UUIDOID)],
    columns: &[
        (c"phone_number", pg_sys::TEXTOID),
        (c"phone_verified", pg_sys::BOOLOID),
        (c"phone_invalid_reason", pg_sys::TEXTOID),
        (c"opted_out", pg_sys::BOOLOID),
        (c"timezone", pg_sys::TEXTOID),
        (c"quiet_hours_start", pg_sys::TIMEOID),
        (c"quiet_hours_end", pg_sys::TIMEOID),
        (c"urgent_alerts", pg_sys::BOOLOID),
        (c"urgent_bypass_quiet_hours", pg_sys::BOOLOID),
    ],
};

/// Whether and how a person wants texts of one event type.
#[derive(Default)]
pub struct Person {
    /// The subscription to the type.
    pub subscription_id: Option<Uuid>,
    /// That it is active; `None` without one.
    pub is_subscribed: Option<bool>,
    /// That its filters match the payload.
    pub matches: bool,
    /// That it, or else the person, has texts switched on.
    pub is_enabled: bool,
    /// The number.
    pub phone_number: Option<String>,
    /// That the number is theirs.
    pub is_verified: bool,
    /// That carriers do not know it.
    pub is_invalid: bool,
    /// That nobody may text it.
    pub is_opted_out: bool,
    /// Their time zone, if they named one.
    pub zone: Option<String>,
    /// Quiet hours, in microseconds since midnight; `None` without a row.
    pub quiet_hours: Option<(i64, i64)>,
    /// That urgent texts come at any time.
    pub urgent_passes: bool,
}

impl Person {
    /// What the gate is told of the subscription.
    pub fn subscription(&self) -> Subscription {
        Subscription::of(
            self.is_subscribed.is_some(),
            self.is_subscribed == Some(true),
            self.matches,
        )
    }
}

/// Where a table's parts are now.
struct Place {
    table: Oid,
    index: Oid,
    /// Column and collation of each of the index' keys.
    keys: Vec<(pg_sys::AttrNumber, Oid)>,
    columns: Vec<usize>,
}

/// The three tables, in the order of [`TABLES`]; `None` if one of them is not as we make it.
type Places = Option<[Place; 3]>;
const TABLES: [&Table; 3] = [&SUBSCRIPTIONS, &CHANNELS, &PEOPLE];

thread_local! {
    static PLACES: RefCell<Option<Rc<Places>>> = const { RefCell::new(None) };
    /// The tables that `PLACES` speaks of; none: it speaks of nothing.
    static WATCHED: Cell<Option<[Oid; 3]>> = const { Cell::new(None) };
}

/// Has the server tell of changes; called once when a backend loads the library.
pub fn watch() {
    // SAFETY: a plain call of the server from _PG_init; the callback lives as long as the backend.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(changed), Datum::from(0)) };
}

/// The server's news that a table has changed (invalid: any may have). It comes at any time, so it touches one cell only.
extern "C-unwind" fn changed(_argument: Datum, table: Oid) {
    let concerns = WATCHED
        .get()
        .is_some_and(|tables| table == pg_sys::InvalidOid || tables.contains(&table));
    if concerns {
        WATCHED.set(None);
    }
}

/// Reads what is known of a person; `None`: the tables are not as we make them, ask by a statement.
pub fn look(user: Uuid, event_type: &str, payload: Option<AnyElement>) -> Option<Person> {
    // SAFETY: a plain call of the server inside a transaction: what this transaction has written so far shall be seen, too.
    unsafe { pg_sys::CommandCounterIncrement() };
    let _now = FreshSnapshot::begin();
    let mut person = Person::default();
    let places = places();
    let [subscriptions, channels, people] = places.as_ref().as_ref()?;
    let mut override_ = None;
    let key = [event_type.into_datum()?, user.into_datum()?];
    subscriptions.row(&key, |row| {
        person.subscription_id = row.get(0);
        person.is_subscribed = row.get(1);
        person.matches = row
            .element(2, pg_sys::JSONBOID)
            .is_some_and(|filters| json::contains(payload, filters));
        override_ = row.get::<bool>(3);
    })?;
    let mut by_default = None;
    channels.row(&key[1..], |row| by_default = row.get::<bool>(0))?;
    person.is_enabled = override_.or(by_default).unwrap_or(false);
    people.row(&key[1..], |row| {
        person.phone_number = row.get(0);
        person.is_verified = row.get(1).unwrap_or(false);
        person.is_invalid = row.has(2);
        person.is_opted_out = row.get(3).unwrap_or(false);
        person.zone = row.get(4);
        person.quiet_hours = row.get(5).zip(row.get(6));
        person.urgent_passes = row.get(7).unwrap_or(false) && row.get(8).unwrap_or(false);
    })?;
    Some(person)
}

/// Where the tables are now.
fn places() -> Rc<Places> {
    // SAFETY: a plain call of the server inside a transaction.
    unsafe { pg_sys::AcceptInvalidationMessages() };
    let known = PLACES.with_borrow(Clone::clone);
    if let (Some(known), Some(_)) = (known, WATCHED.get()) {
        return known;
    }
    // SAFETY: a catalogue look-up by a constant C string; with missing_ok it does not raise.
    let schema = unsafe { pg_sys::get_namespace_oid(c"herald".as_ptr(), true) };
    // SAFETY: as above; a table that does not exist is 0.
    let oids =
        TABLES.map(|table| unsafe { pg_sys::get_relname_relid(table.name.as_ptr(), schema) });
    // From here on every change of theirs is told, also while they are looked at.
    WATCHED.set(Some(oids));
    let mut found = TABLES
        .iter()
        .zip(oids)
        .map(|(table, oid)| Place::find(table, oid, schema));
    let places = match (
        found.next().flatten(),
        found.next().flatten(),
        found.next().flatten(),
    ) {
        (Some(first), Some(second), Some(third)) => Some([first, second, third]),
        _ => None,
    };
    drop(found);
    let places = Rc::new(places);
    PLACES.set(Some(Rc::clone(&places)));
    places
}

/// A row while it is being read.
struct Row<'a> {
    columns: &'a [usize],
    values: Vec<Datum>,
    nulls: Vec<bool>,
}

impl Row<'_> {
    /// The value of one of the columns that are wanted, of the type that stands there.
    fn get<T: FromDatum>(&self, place: usize) -> Option<T> {
        let column = *self.columns.get(place)?;
        // SAFETY: the column's type was compared when the table was found, and the row is pinned while it is read.
        unsafe { T::from_datum(*self.values.get(column)?, *self.nulls.get(column)?) }
    }

    /// Whether the column is not NULL.
    fn has(&self, place: usize) -> bool {
        self.columns
            .get(place)
            .and_then(|&column| self.nulls.get(column))
            == Some(&false)
    }

    /// The value as it is.
    fn element(&self, place: usize, of_type: Oid) -> Option<AnyElement> {
        let column = *self.columns.get(place)?;
        // SAFETY: as above.
        unsafe {
            AnyElement::from_polymorphic_datum(
                *self.values.get(column)?,
                *self.nulls.get(column)?,
                of_type,
            )
        }
    }
}

impl Place {
    /// The table's parts, if all are as they are made.
    fn find(table: &Table, oid: Oid, schema: Oid) -> Option<Self> {
        let opened = Opened::table(oid)?;
        // SAFETY: the relation is open, and so its parts are there.
        unsafe {
            let form = &*(*opened.0).rd_rel;
            if form.relkind != pg_sys::RELKIND_RELATION as std::ffi::c_char || form.relrowsecurity {
                return None;
            }
        }
        let index = Opened::index(
            // SAFETY: a catalogue look-up by a constant C string.
            unsafe { pg_sys::get_relname_relid(table.index.as_ptr(), schema) },
        )?;
        // SAFETY: as above; a relation that is an index has a row of pg_index.
        let (form, collations) = unsafe {
            let collations =
                std::slice::from_raw_parts((*index.0).rd_indcollation, table.keys.len());
            (&*(*index.0).rd_index, collations)
        };
        let is_ours = form.indrelid == oid
            && form.indisvalid
            && form.indisunique
            && usize::try_from(form.indnkeyatts) == Ok(table.keys.len())
            // SAFETY: as above. Neither on part of the rows nor on expressions.
            && unsafe { pg_sys::RelationGetIndexPredicate(index.0).is_null() && pg_sys::RelationGetIndexExpressions(index.0).is_null() };
        if !is_ours {
            return None;
        }
        let mut keys = Vec::with_capacity(table.keys.len());
        for ((place, &(name, of_type)), &collation) in table.keys.iter().enumerate().zip(collations)
        {
            let column = opened.column(name, of_type)?;
            // SAFETY: the index has as many key columns.
            let indexed = unsafe { *form.indkey.values.as_ptr().add(place) };
            if indexed != column {
                return None;
            }
            keys.push((column, collation));
        }
        let columns = table.columns.iter().map(|&(name, of_type)| {
            usize::try_from(opened.column(name, of_type)?.checked_sub(1)?).ok()
        });
        Some(Self {
            table: oid,
            index: form.indexrelid,
            keys,
            columns: columns.collect::<Option<_>>()?,
        })
    }

    /// Reads the row of this key, if there is one. `None`: the table has changed since it was found.
    fn row(&self, key: &[Datum], read: impl FnOnce(&Row<'_>)) -> Option<()> {
        let opened = Opened::table(self.table)?;
        WATCHED.get()?;
        // SAFETY: plain calls of the server: the table is open and locked, the index is one of its own, the keys are of its
        // columns' types, and the snapshot stays active for longer than the scan. The tuple is used while the scan has it pinned.
        unsafe {
            let mut keys = [pg_sys::ScanKeyData::default(); 2];
            for ((entry, &(column, collation)), &value) in keys.iter_mut().zip(&self.keys).zip(key)
            {
                let equal = match collation == pg_sys::InvalidOid {
                    true => pg_sys::F_UUID_EQ,
                    false => pg_sys::F_TEXTEQ,
                };
                pg_sys::ScanKeyEntryInitialize(
                    entry,
                    0,
                    column,
                    pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
                    pg_sys::InvalidOid,
                    collation,
                    equal.into(),
                    value,
                );
            }
            let snapshot = pg_sys::GetActiveSnapshot();
            let count = i32::try_from(self.keys.len()).ok()?;
            let scan = pg_sys::systable_beginscan(
                opened.0,
                self.index,
                true,
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            let tuple = pg_sys::systable_getnext(scan);
            if !tuple.is_null() {
                let description = (*opened.0).rd_att;
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

/// A relation that is locked for reading while this lives.
struct Opened(pg_sys::Relation);

impl Opened {
    /// `None` if there is no such table (any more).
    fn table(oid: Oid) -> Option<Self> {
        // SAFETY: a plain call of the server inside a transaction; NULL if there is none.
        let opened = unsafe { pg_sys::try_relation_open(oid, pg_sys::AccessShareLock as i32) };
        (!opened.is_null()).then_some(Self(opened))
    }

    /// As above, for an index.
    fn index(oid: Oid) -> Option<Self> {
        // SAFETY: the relation is open.
        Self::table(oid).filter(|opened| unsafe { !(*opened.0).rd_index.is_null() })
    }

    /// The number of a column, if it is of this type or of a domain over it.
    fn column(&self, name: &CStr, of_type: Oid) -> Option<pg_sys::AttrNumber> {
        // SAFETY: catalogue look-ups; a column that does not exist (any more) is 0.
        unsafe {
            let table = (*self.0).rd_id;
            let column = pg_sys::get_attnum(table, name.as_ptr());
            (column > 0 && pg_sys::getBaseType(pg_sys::get_atttype(table, column)) == of_type)
                .then_some(column)
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // After an error the server closes what is open itself.
        if !std::thread::panicking() {
            // SAFETY: opened with the same lock.
            unsafe { pg_sys::relation_close(self.0, pg_sys::AccessShareLock as i32) };
        }
    }
}
