//! Doubts, silence, and the operator's hand.

use pgrx::pg_sys::BuiltinOid::{
    BOOLOID, INT2ARRAYOID, INT4OID, JSONBOID, TEXTARRAYOID, TEXTOID, UUIDARRAYOID, UUIDOID,
};

use super::{QUARANTINE, REFUND, UNKNOWN_POLICY, ZONE, query};
use crate::query::Query;

/// Which database this is.
const HERE: &str = include_str!("../../../sql/queries/here.sql");
const STATS: &str = include_str!("../../../sql/queries/queue_stats.sql");

query!(/** Which database this is, and which one is armed. */ IDENTITY, "identity.sql", false, [UUIDOID], "{here}" = HERE);
query!(/** Arms sending for this database. */ ARM, "arm.sql", true, [BOOLOID, TEXTOID],
    "{here}" = HERE, "{quarantine}" = QUARANTINE, "{zone}" = ZONE);
query!(/** What an operator wants to know. */ STATUS, "status.sql", false, [TEXTARRAYOID, INT2ARRAYOID],
    "{here}" = HERE, "{queue_stats}" = STATS);
query!(/** Takes attempts in doubt to be looked for. */ CLAIM_UNKNOWN, "claim_unknown.sql", true, [INT4OID, UUIDOID]);
query!(/** Which SIDs the ledger knows. */ OWNED_SIDS, "owned_sids.sql", false, [TEXTARRAYOID]);
query!(/** What was found, as callbacks. */ FOUND_UNKNOWN, "found_unknown.sql", false, [JSONBOID]);
query!(/** What was not found. */ SETTLE_UNKNOWN, "settle_unknown.sql", true, [JSONBOID, TEXTARRAYOID, INT2ARRAYOID],
    "{unknown_policy}" = UNKNOWN_POLICY, "{refund}" = REFUND);
query!(/** Takes one message's attempt in doubt. */ TAKE_UNKNOWN, "take_unknown.sql", true, [UUIDOID, UUIDOID]);
query!(/** A message's status. */ MESSAGE_STATUS, "message_status.sql", false, [UUIDOID]);
query!(/** Another chance for what failed. */ REQUEUE_MESSAGES, "requeue_messages.sql", true,
    [UUIDARRAYOID, TEXTARRAYOID, INT2ARRAYOID]);
query!(/** Marks silent acceptances. */ SWEEP_STALE, "sweep_stale.sql", true, [INT4OID, TEXTARRAYOID]);
query!(/** Takes silent acceptances to be asked about. */ CLAIM_STALE, "claim_stale.sql", true, [INT4OID, TEXTARRAYOID]);
query!(/** When Twilio is asked again. */ FINISH_STALE, "finish_stale.sql", true, [JSONBOID]);
