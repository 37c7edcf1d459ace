//! Waking the daemon: who says so, when, and how often.
//!
//! A NOTIFY takes a lock of the whole cluster until its commit is flushed, so most transactions should not send one.
//! A queue row that is due now carries `wakes`; its deferred trigger decides at commit.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::queries::{WAKE_ALWAYS, WAKE_ONCE};

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
        Notify::Auto => WAKE_ONCE.run(&[])?,
        Notify::Always => WAKE_ALWAYS.run(&[])?,
        Notify::Off => {}
    }
    Ok(trigger.new())
}
