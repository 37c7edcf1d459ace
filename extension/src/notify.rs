//! Waking the daemon: who says so, when, and how often.
//!
//! A NOTIFY takes a lock of the whole cluster until its commit is flushed, so most transactions should not send one.
//! A queue row that is due now carries `wakes`; its deferred trigger decides at commit.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Of many transactions that commit at the same time the one with this lock tells the daemons. "herald" in ASCII.
const WAKE_LOCK: i64 = 114_784_919_972_964;

/// `pg_herald.notify`.
#[derive(PostgresGucEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notify {
    /// One of many transactions that commit at the same time tells the daemon.
    #[name = c"auto"]
    Auto,
    /// Every transaction tells it.
    #[name = c"always"]
    Always,
    /// None does: for PREPARE TRANSACTION, which refuses a transaction that has notified. The daemon polls.
    #[name = c"off"]
    Off,
}

static NOTIFY: GucSetting<Notify> = GucSetting::<Notify>::new(Notify::Auto);

/// Defines the setting; called once when a backend loads the library.
pub fn define_setting() {
    GucRegistry::define_enum_guc(
        c"pg_herald.notify",
        c"When a transaction that makes a text due wakes the daemon.",
        c"auto: one of many that commit at the same time. always: each. off: none, the daemon's poll finds it; \
          needed for PREPARE TRANSACTION.",
        &NOTIFY,
        GucContext::Userset,
        GucFlags::default(),
    );
    // SAFETY: a plain call of the server with a constant C string, from _PG_init as it asks for.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"pg_herald".as_ptr()) };
}

/// Whether queue rows that are due now shall wake the daemon.
pub fn wakes() -> bool {
    NOTIFY.get() != Notify::Off
}

/// Deferred trigger on `herald.queue_jobs`: runs at commit, once per statement that made something due.
#[pg_trigger(sql = false)]
fn herald_wake<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, ErrorReport> {
    match NOTIFY.get() {
        Notify::Auto => {
            if is_first() {
                wake();
            }
        }
        Notify::Always => wake(),
        Notify::Off => {}
    }
    Ok(trigger.new())
}

/// Whether no other transaction that is about to commit tells the daemons already: NOTIFY takes a lock of the whole cluster
/// until the commit is flushed. The daemon looks again shortly after each wake-up, which covers those that stay silent.
fn is_first() -> bool {
    // SAFETY: the server's own function, called with the bigint that it takes.
    let won: Option<bool> = unsafe {
        pgrx::direct_function_call(
            pg_sys::pg_try_advisory_xact_lock_int8,
            &[WAKE_LOCK.into_datum()],
        )
    };
    won.unwrap_or(false)
}

/// Tells the daemons, when the transaction commits.
fn wake() {
    // SAFETY: the server's own function, called with the two texts that it takes.
    unsafe {
        pgrx::direct_function_call_as_datum(
            pg_sys::pg_notify,
            &["herald".into_datum(), "".into_datum()],
        );
    }
}
