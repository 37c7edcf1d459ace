//! The statements of `sql/queries/`, each with the types of its parameters; families that came later have a file of their own.

use pgrx::pg_sys::BuiltinOid::{
    self, BOOLOID, INT2ARRAYOID, INT2OID, JSONBOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID,
    UUIDARRAYOID, UUIDOID,
};

use crate::query::Query;

mod consent;
mod content;
mod errors;
mod gate;
mod in_app;
mod people;
mod protocol;
mod settings;
mod targeted;
mod triggers;
mod verification;
pub use consent::*;
pub use content::*;
pub use errors::*;
pub use gate::*;
pub use in_app::*;
pub use people::*;
pub use protocol::*;
pub use settings::*;
pub use targeted::*;
pub use triggers::*;
pub use verification::*;

macro_rules! query {
    ($(#[$doc:meta])* $name:ident, $file:literal, $writes:literal, [$($argument:expr),*] $(, $part:literal = $text:expr)*) => {
        query!($(#[$doc])* $name, $file, $writes, [$($argument),*] $(, $part = $text)*; without);
    };
    ($(#[$doc:meta])* $name:ident, $file:literal, $writes:literal, [$($argument:expr),*] $(, $part:literal = $text:expr)*; without $($without:literal),*) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: include_str!(concat!("../../../sql/queries/", $file)),
            parts: &[$(($part, $text)),*],
            arguments: &[$($argument),*],
            writes: $writes,
            without: &[$($without),*],
        };
    };
}
pub(crate) use query;

/// What an event type wants when an outcome is unknown.
const UNKNOWN_POLICY: &str = include_str!("../../../sql/queries/unknown_policy.sql");
/// Puts in doubt what may have been sent from another database.
const QUARANTINE: &str = include_str!("../../../sql/queries/quarantine.sql");
const OPT_OUT: &str = include_str!("../../../sql/queries/opt_out.sql");

query!(/** Whether a broadcast is small enough for the caller's transaction. */ COUNT_RECIPIENTS,
    "count_recipients.sql", false, [TEXTOID]);
query!(/** Locks the next event that waits for its fan-out. */ FAN_OUT_CLAIM, "fan_out_claim.sql", true, [INT2ARRAYOID]);
query!(/** Doubts what a fan-out wrote. */ FAN_OUT_DOUBT, "fan_out_doubt.sql", true, [UUIDOID, UUIDOID],
    "{quarantine}" = QUARANTINE, "{zone}" = ZONE);
query!(/** Recipients per chunk. */ CHUNK_SIZE, "chunk_size.sql", false, []);
query!(/** Reads a quarantined event. */ QUARANTINED_EVENT, "quarantined_event.sql", true, [UUIDOID]);
query!(/** Puts a quarantined event on its way, or notes its problems. */ RELEASE_EVENT, "release_event.sql", true,
    [UUIDOID, TEXTARRAYOID, UUIDOID, INT2OID, BOOLOID]);
query!(/** Queues one text. */ QUEUE_MESSAGE, "queue_message.sql", true,
    [UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, INT2OID, TIMESTAMPTZOID, JSONBOID, TEXTOID, INT2OID, BOOLOID, BOOLOID]);
query!(/** Whether a number is a user's verified one, and opted out. */ RECIPIENT_CHECK, "recipient_check.sql", false,
    [UUIDOID, TEXTOID]);
query!(/** A user's SMS channel. */ CHANNEL_INFO, "channel_info.sql", false, [UUIDOID]);
query!(/** Cancels one text. */ CANCEL_MESSAGE, "cancel_message.sql", true, [UUIDOID]);
query!(/** Ends the fan-out of an event. */ STOP_EVENT, "stop_event.sql", true, [UUIDOID]);
query!(/** Cancels what waits of an event. */ CANCEL_EVENT, "cancel_event.sql", true, [UUIDOID]);
query!(/** Whether a JSON value is an array of the right elements. */ ARRAY, "array.sql", false, [JSONBOID, TEXTOID]);
macro_rules! complete_query {
    ($(#[$doc:meta])* $name:ident $(, $without:literal)*) => {
        query!($(#[$doc])* $name, "complete.sql", true,
            [UUIDOID, JSONBOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID,
             TEXTARRAYOID, INT2ARRAYOID],
            "{failure}" = FAILURE, "{zone}" = ZONE, "{failure_effects}" = FAILURE_EFFECTS, "{opt_out}" = OPT_OUT,
            "{refund}" = REFUND, "{unknown_policy}" = UNKNOWN_POLICY; without $($without),*);
    };
}

complete_query!(/** Writes outcomes. */ COMPLETE);
complete_query!(/** Writes outcomes that all are accepted. */ COMPLETE_ACCEPTED, "failures");
query!(/** Whether an array has elements that a path finds. */ ARRAY_HAS, "array_has.sql", false, [JSONBOID, TEXTOID]);
query!(/** Renews leases. */ EXTEND_LEASES, "extend_leases.sql", true, [UUIDOID, UUIDARRAYOID]);
query!(/** Ends leases that are over. */ EXPIRE_LEASES, "expire_leases.sql", true, [TEXTARRAYOID, INT2ARRAYOID],
    "{unknown_policy}" = UNKNOWN_POLICY);
query!(/** Locks the messages of callbacks. */ CALLBACK_LOCK, "callback_lock.sql", true, [JSONBOID]);
query!(/** Stores and applies callbacks. */ CALLBACKS, "callbacks.sql", true,
    [JSONBOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID,
     TEXTARRAYOID]);
query!(/** When the next work is due. */ NEXT_DUE, "next_due.sql", false, [INT2ARRAYOID]);
query!(/** Queue gauges. */ QUEUE_STATS, "queue_stats.sql", false, [TEXTARRAYOID, INT2ARRAYOID]);
query!(/** What a daemon must know. */ HELLO, "hello.sql", false, []);
query!(/** Whether the caller may act as an administrator. */ IS_ADMIN, "is_admin.sql", false, [BuiltinOid::OIDOID]);
