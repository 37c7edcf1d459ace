//! Kept plans: a statement of `sql/queries/` is prepared once per backend and run many times.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::rc::Rc;

use pgrx::datum::{AnyElement, DatumWithOid};
use pgrx::pg_sys::{self, BuiltinOid, PgOid};
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiHeapTupleData};

use crate::install;
use crate::report::{Result, internal, unexpected};

/// A statement, its parameters' types, and the texts that stand for its `{names}`.
pub struct Query {
    /// Name, unique among the queries.
    pub name: &'static str,
    /// The SQL text.
    pub text: &'static str,
    /// Replacements for `{name}` in the text, in this order; they may contain later ones.
    pub parts: &'static [(&'static str, &'static str)],
    /// Types of $1, $2, …
    pub arguments: &'static [BuiltinOid],
    /// Whether it writes (then it may not run in a read-only transaction).
    pub writes: bool,
    /// Which of its optional parts are left out, see [`keep_parts`].
    pub without: &'static [&'static str],
}

thread_local! {
    /// The plans of this backend. The map is never borrowed while a statement runs: a trigger may come back in here.
    static PLANS: RefCell<HashMap<&'static str, Rc<OwnedPreparedStatement>>> = RefCell::default();
}

/// While it lives, plans are the ones for all values (`plan_cache_mode`) and go from key to key through the indexes: no table is
/// read as a whole, neither for itself nor for a join, and nothing is compiled. A plan is kept for as long as the session lasts,
/// so it must not be one that was right for the few rows there were when it was made. For statements that have to do with few
/// rows, whatever is in the tables. Also an error ends it.
pub struct ByKeys {
    plan_cache_mode: i32,
    seqscan: bool,
    hashjoin: bool,
    mergejoin: bool,
    _interpreted: Interpreted,
}

impl ByKeys {
    /// Begins it.
    pub fn begin() -> Self {
        // SAFETY: variables of this single-threaded backend, which the server itself sets in just this way.
        unsafe {
            let before = Self {
                plan_cache_mode: pg_sys::plan_cache_mode,
                seqscan: pg_sys::enable_seqscan,
                hashjoin: pg_sys::enable_hashjoin,
                mergejoin: pg_sys::enable_mergejoin,
                _interpreted: Interpreted::begin(),
            };
            pg_sys::plan_cache_mode =
                pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as i32;
            pg_sys::enable_seqscan = false;
            pg_sys::enable_hashjoin = false;
            pg_sys::enable_mergejoin = false;
            before
        }
    }
}

impl Drop for ByKeys {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::plan_cache_mode = self.plan_cache_mode;
            pg_sys::enable_seqscan = self.seqscan;
            pg_sys::enable_hashjoin = self.hashjoin;
            pg_sys::enable_mergejoin = self.mergejoin;
        }
    }
}

/// While it lives, nothing is compiled to machine code: the planner's estimates for the large statements ask for it, and it
/// takes longer than the statements. Also an error ends it.
pub struct Interpreted {
    before: bool,
}

impl Interpreted {
    /// Switches `jit` off.
    pub fn begin() -> Self {
        // SAFETY: as for the plans above.
        unsafe {
            let before = pg_sys::jit_enabled;
            pg_sys::jit_enabled = false;
            Self { before }
        }
    }
}

impl Drop for Interpreted {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { pg_sys::jit_enabled = self.before };
    }
}

/// While it lives, statements that only read see what is committed now, not what the caller's statement sees.
pub struct FreshSnapshot;

impl FreshSnapshot {
    /// Takes the snapshot.
    pub fn begin() -> Self {
        // SAFETY: plain calls of the server inside a transaction; the snapshot is popped when this is dropped.
        unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
        Self
    }
}

impl Drop for FreshSnapshot {
    fn drop(&mut self) {
        // After an error the server clears its stack of snapshots itself, and ours need not be the topmost.
        if !std::thread::panicking() {
            // SAFETY: everything that was pushed since then is popped.
            unsafe { pg_sys::PopActiveSnapshot() };
        }
    }
}

/// One row of a result; column numbers start at 1.
pub struct Row<'a>(SpiHeapTupleData<'a>);

impl Row<'_> {
    /// The value of a column, `None` for NULL.
    pub fn get<T: FromDatum + IntoDatum>(&self, column: usize) -> Result<Option<T>> {
        self.0.get::<T>(column).map_err(internal)
    }

    /// The value of a column that is never NULL; `what` names it in the error.
    pub fn want<T: FromDatum + IntoDatum>(&self, column: usize, what: &str) -> Result<T> {
        self.get(column)?.ok_or_else(|| unexpected(what))
    }
}

impl Query {
    /// Runs the statement and reads all its rows.
    pub fn rows<T>(
        &self,
        arguments: &[DatumWithOid<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        install::require_schema()?;
        self.catalog_rows(arguments, read)
    }

    /// Runs a statement that needs none of our tables, such as one on the catalogues, and reads all its rows.
    pub fn catalog_rows<T>(
        &self,
        arguments: &[DatumWithOid<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        Spi::connect_mut(|client| {
            let plan = self.plan(client)?;
            let table = if self.writes {
                client.update(&*plan, None, arguments)
            } else {
                client.select(&*plan, None, arguments)
            }
            .map_err(internal)?;
            table.map(|tuple| read(&Row(tuple))).collect()
        })
    }

    /// Runs the statement and reads its first row, `None` if there is none.
    pub fn row<T>(
        &self,
        arguments: &[DatumWithOid<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.rows(arguments, read)?.into_iter().next())
    }

    /// As [`Query::row`], by keys ([`ByKeys`]). For statements that run for every event: left to itself the server finds plans
    /// for these very values a little cheaper and plans anew each time, which takes longer than everything else in emit
    /// together.
    pub fn keyed_row<T>(
        &self,
        arguments: &[DatumWithOid<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let _by_keys = ByKeys::begin();
        self.row(arguments, read)
    }

    /// Runs the statement for its effect.
    pub fn run(&self, arguments: &[DatumWithOid<'_>]) -> Result<()> {
        self.rows(arguments, |_| Ok(())).map(drop)
    }

    fn plan(&self, client: &mut pgrx::spi::SpiClient<'_>) -> Result<Rc<OwnedPreparedStatement>> {
        if let Some(plan) = PLANS.with_borrow(|plans| plans.get(self.name).cloned()) {
            return Ok(plan);
        }
        let mut text = self.text.to_owned();
        for (name, replacement) in self.parts {
            text = text.replace(name, replacement);
        }
        let mut text = keep_parts(&text, self.without);
        if text.contains("{ext}") {
            text = text.replace("{ext}", &install::extension_schema(client)?);
        }
        let types: Vec<PgOid> = self
            .arguments
            .iter()
            .map(|&oid| PgOid::BuiltIn(oid))
            .collect();
        let plan = if self.writes {
            client.prepare_mut(text.as_str(), &types)
        } else {
            client.prepare(text.as_str(), &types)
        };
        let plan = Rc::new(plan.map_err(internal)?.keep());
        PLANS.with_borrow_mut(|plans| plans.insert(self.name, Rc::clone(&plan)));
        Ok(plan)
    }
}

/// The text without its optional parts of these names. A part stands between the lines `-- if NAME` and `-- end NAME`; what
/// comes after a line `-- else` in it is there only when the part is left out. Parts do not contain each other.
fn keep_parts(text: &str, without: &[&str]) -> String {
    let mut kept = true;
    let mut result = String::with_capacity(text.len());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["--", "if", name] => kept = !without.contains(&name),
            ["--", "else"] => kept = !kept,
            ["--", "end", _] => kept = true,
            _ if kept => {
                result.push_str(line);
                result.push('\n');
            }
            _ => {}
        }
    }
    result
}

/// A jsonb argument as it came, neither parsed nor copied; NULL stays NULL.
pub fn jsonb<'a>(value: Option<AnyElement>) -> DatumWithOid<'a> {
    // SAFETY: the SQL declaration of every function that calls this says jsonb, so the datum is one.
    unsafe { DatumWithOid::new(value, pg_sys::JSONBOID) }
}

/// A jsonb argument made from its text, digit by digit as Postgres wrote it. It lives in the current memory context: made
/// while rows are read, it would be gone with them.
pub fn jsonb_text(text: &str) -> Option<AnyElement> {
    let text = CString::new(text).ok()?;
    // SAFETY: jsonb_in takes one C string and returns a jsonb.
    unsafe {
        let argument = pg_sys::Datum::from(text.as_ptr());
        let datum = pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(argument)])?;
        AnyElement::from_polymorphic_datum(datum, false, pg_sys::JSONBOID)
    }
}

/// A jsonb argument made from a parsed value; lives as long as that of [`jsonb_text`].
pub fn jsonb_of(value: serde_json::Value) -> Option<AnyElement> {
    let datum = pgrx::JsonB(value).into_datum()?;
    // SAFETY: the datum was just made from a JsonB.
    unsafe { AnyElement::from_polymorphic_datum(datum, false, pg_sys::JSONBOID) }
}

#[cfg(test)]
mod unit_tests {
    use super::keep_parts;

    const TEXT: &str = "a\n  -- if one\nb\n  -- else\nc\n-- end one\n-- if two\nd\n-- end two\ne\n";

    #[test]
    fn a_part_is_there_or_what_stands_for_it() {
        assert_eq!(keep_parts(TEXT, &[]), "a\nb\nd\ne\n");
        assert_eq!(keep_parts(TEXT, &["one"]), "a\nc\nd\ne\n");
        assert_eq!(keep_parts(TEXT, &["two"]), "a\nb\ne\n");
        assert_eq!(keep_parts(TEXT, &["one", "two"]), "a\nc\ne\n");
    }
}
