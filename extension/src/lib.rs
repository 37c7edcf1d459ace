//! pg_herald: notifications that are part of the transaction.
//!
//! A thin layer: arguments in, one set-based statement of `sql/queries/`, result out. The functions are declared in
//! `sql/api/`, the tables are made by [`install`], and the rules come from `herald_core`.

use pgrx::prelude::*;

mod again;
mod broadcast;
mod callbacks;
mod cancel;
mod channel;
mod claim;
mod claim_one;
mod decided;
mod direct;
mod dispatch;
mod emit;
mod errors;
mod event;
mod event_rows;
mod explain;
mod fan_out;
mod floor;
mod gate;
mod grant;
mod id;
mod identity;
mod in_app;
mod inbound;
mod install;
mod json;
mod lookup;
mod notify;
mod opt_out;
mod person;
mod preferences;
mod privacy;
mod quarantine;
mod queries;
mod query;
mod queue;
mod quiet;
mod recipients;
mod registry;
mod report;
mod resolve;
mod settings;
mod statistics;
mod subscriptions;
mod targeted;
mod template;
mod text;
mod trigger;
mod variants;
mod verification;
mod verify_calls;
mod vocabulary;
mod why;

#[cfg(any(test, feature = "pg_test"))]
mod tests;

::pgrx::pg_module_magic!(name, version);

// Declarations by family; rights are taken away when all of them exist.
extension_sql_file!("../../sql/api/application.sql", name = "application");
extension_sql_file!("../../sql/api/administration.sql", name = "administration");
extension_sql_file!("../../sql/api/daemon.sql", name = "daemon");
extension_sql_file!("../../sql/api/gate.sql", name = "gate");
extension_sql_file!("../../sql/api/consent.sql", name = "consent");
extension_sql_file!("../../sql/api/errors.sql", name = "errors");
extension_sql_file!("../../sql/api/internal.sql", name = "internal");
extension_sql_file!("../../sql/api/people.sql", name = "people");
extension_sql_file!("../../sql/api/verification.sql", name = "verification");
extension_sql_file!("../../sql/api/protocol.sql", name = "protocol");
extension_sql_file!("../../sql/api/templates.sql", name = "templates");
extension_sql_file!("../../sql/api/triggers.sql", name = "triggers");
extension_sql_file!("../../sql/api/statistics.sql", name = "statistics");
extension_sql_file!("../../sql/api/story.sql", name = "story");
extension_sql_file!("../../sql/api/in_app.sql", name = "in_app");
extension_sql_file!("../../sql/rights.sql", name = "rights", finalize);

/// Runs when a backend loads the library.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    floor::define_setting();
    notify::define_setting();
    direct::watch();
    registry::watch();
}

/// Set-up for `cargo pgrx test`.
#[cfg(test)]
pub mod pg_test {
    /// Called once before the tests.
    pub fn setup(_options: Vec<&str>) {}

    /// Lines for postgresql.conf.
    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec![]
    }
}
