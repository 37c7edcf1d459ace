//! Errors of Twilio's: rules, breakers, and what follows from failures.

use pgrx::pg_sys::BuiltinOid::{INT2ARRAYOID, INT4OID, TEXTARRAYOID, TEXTOID, UUIDARRAYOID};

use super::{OPT_OUT, ZONE, query};
use crate::query::Query;

/// Rows "failing" to rows "ruled".
pub const FAILURE: &str = include_str!("../../../sql/queries/failure.sql");
/// What rows "ruled" mean for numbers, senders, countries and the account.
pub const FAILURE_EFFECTS: &str = include_str!("../../../sql/queries/failure_effects.sql");
/// The open breakers, as a claim finds them.
pub const BREAKER: &str = include_str!("../../../sql/queries/breaker.sql");

query!(/** Decides about accepted texts that have failed. */ FAILURES, "failures.sql", true,
    [UUIDARRAYOID, TEXTARRAYOID, INT2ARRAYOID],
    "{failure}" = FAILURE, "{zone}" = ZONE, "{failure_effects}" = FAILURE_EFFECTS, "{opt_out}" = OPT_OUT);
query!(/** Callbacks that waited for their SID. */ ORPHANS, "orphans.sql", false, [TEXTARRAYOID]);
query!(/** The rule for an error. */ CLASSIFY_ERROR, "classify_error.sql", false, [INT4OID, TEXTOID, INT4OID]);
query!(/** Open breakers. */ BREAKERS, "breakers.sql", false, []);
query!(/** Closes breakers by hand. */ RESUME_SENDING, "resume_sending.sql", true, [TEXTOID, TEXTOID]);
