//! The statements of `sql/queries/`, each with the types of its parameters; families that came later have a file of their own.

use pgrx::pg_sys::BuiltinOid::{
    self, BOOLOID, INT2ARRAYOID, INT2OID, INT4OID, INTERVALOID, JSONBOID, TEXTARRAYOID, TEXTOID,
    TIMESTAMPTZOID, UUIDARRAYOID, UUIDOID,
};

use crate::query::Query;

mod consent;
mod content;
mod errors;
mod in_app;
mod protocol;
mod settings;
mod triggers;
pub use consent::*;
pub use content::*;
pub use errors::*;
pub use in_app::*;
pub use protocol::*;
pub use settings::*;
pub use triggers::*;

macro_rules! query {
    ($(#[$doc:meta])* $name:ident, $file:literal, $writes:literal, [$($argument:expr),*] $(, $part:literal = $text:expr)*) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: include_str!(concat!("../../../sql/queries/", $file)),
            parts: &[$(($part, $text)),*],
            arguments: &[$($argument),*],
            writes: $writes,
        };
    };
}
pub(crate) use query;

const GATE: &str = include_str!("../../../sql/queries/gate.sql");
const FAN_OUT: &str = include_str!("../../../sql/queries/fan_out.sql");
/// What an event type wants when an outcome is unknown.
const UNKNOWN_POLICY: &str = include_str!("../../../sql/queries/unknown_policy.sql");
const OPT_OUT: &str = include_str!("../../../sql/queries/opt_out.sql");

/// The subscription of the one user an event is for.
const TARGET: &str = "s.user_id = source.target_user_id";
/// Every subscription, in the order of the index. The limit is none, but the planner does not see that: it takes a limit
/// for a reason to walk the index, where it would otherwise read everybody's subscriptions to every type.
const EVERYBODY: &str = "true order by s.user_id limit (select 2147483647)";
/// The next chunk of subscriptions, in the order of the index; of a targeted event that is the one user.
const CHUNK: &str = "s.user_id > coalesce(source.fan_out_cursor, '00000000-0000-0000-0000-000000000000') \
                     and s.user_id >= coalesce(source.target_user_id, '00000000-0000-0000-0000-000000000000') \
                     and s.user_id <= coalesce(source.target_user_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') \
                     order by s.user_id limit $6";

/// An insert that a used key stops; an event without key does not pay for the check.
const ONCE: &str =
    "on conflict (dedup_key, event_type, target_user_id) where dedup_key is not null do nothing";

const EMIT_ARGUMENTS: [BuiltinOid; 24] = [
    UUIDOID,
    TEXTOID,
    TEXTOID,
    UUIDOID,
    UUIDOID,
    JSONBOID,
    JSONBOID,
    UUIDOID,
    TEXTOID,
    TEXTOID,
    INT2OID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    UUIDOID,
    TEXTOID,
    TEXTARRAYOID,
    TEXTOID,
    TEXTOID,
    INT2OID,
    TEXTARRAYOID,
    BOOLOID,
    BOOLOID,
    BOOLOID,
    INTERVALOID,
];

macro_rules! emit_query {
    ($(#[$doc:meta])* $name:ident, $recipients:expr, $conflict:expr) => {
        $(#[$doc])*
        pub const $name: Query = Query {
            name: stringify!($name),
            text: include_str!("../../../sql/queries/emit.sql"),
            parts: &[
                ("{fan_out}", FAN_OUT),
                ("{gate}", GATE),
                ("{recipients}", $recipients),
                ("{on_conflict}", $conflict),
            ],
            arguments: &EMIT_ARGUMENTS,
            writes: true,
        };
    };
}

emit_query!(/** An event for one user. */ EMIT_TARGETED, TARGET, "");
emit_query!(/** An event for one user, with a dedup key. */ EMIT_TARGETED_ONCE, TARGET, ONCE);
emit_query!(/** An event for every subscriber. */ EMIT_BROADCAST, EVERYBODY, "");
emit_query!(/** An event for every subscriber, with a dedup key. */ EMIT_BROADCAST_ONCE, EVERYBODY, ONCE);

query!(/** Registry, text and earlier use of the key. */ EMIT_LOOKUP, "emit_lookup.sql", false,
    [TEXTOID, UUIDOID, TEXTOID, JSONBOID, JSONBOID]);
query!(/** Values of a template's variables. */ PAYLOAD_VALUES, "payload_values.sql", false, [JSONBOID, TEXTARRAYOID]);
query!(/** Whether a broadcast is small enough for the caller's transaction. */ COUNT_RECIPIENTS,
    "count_recipients.sql", false, [TEXTOID]);
query!(/** Locks the next event that waits for its fan-out. */ FAN_OUT_CLAIM, "fan_out_claim.sql", true, [INT2ARRAYOID]);
query!(/** Writes one chunk of a deferred fan-out. */ FAN_OUT_CHUNK, "fan_out_chunk.sql", true,
    [UUIDOID, TEXTOID, TEXTOID, INT2OID, BOOLOID, INT4OID],
    "{fan_out}" = FAN_OUT, "{gate}" = GATE, "{recipients}" = CHUNK);
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
query!(/** Takes due texts into a batch. */ CLAIM, "claim.sql", true, [UUIDOID, INT4OID, UUIDOID, INT2ARRAYOID],
    "{gate}" = GATE, "{breaker}" = BREAKER);
query!(/** Whether a JSON value is an array of the right elements. */ ARRAY, "array.sql", false, [JSONBOID, TEXTOID]);
query!(/** Writes outcomes. */ COMPLETE, "complete.sql", true,
    [UUIDOID, JSONBOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID,
     INT2ARRAYOID],
    "{failure}" = FAILURE, "{failure_effects}" = FAILURE_EFFECTS, "{opt_out}" = OPT_OUT, "{unknown_policy}" = UNKNOWN_POLICY);
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
query!(/** Wakes the daemons, once for many concurrent commits. */ WAKE_ONCE, "wake_once.sql", false, []);
query!(/** Wakes the daemons. */ WAKE_ALWAYS, "wake_always.sql", false, []);
query!(/** Whether the caller may act as an administrator. */ IS_ADMIN, "is_admin.sql", false, [BuiltinOid::OIDOID]);
