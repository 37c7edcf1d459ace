//! Opt-out, evidence, texts that came in, erasure and retention.

use pgrx::pg_sys::BuiltinOid::{
    BOOLOID, INT4OID, INT8OID, JSONBOID, TEXTOID, TIMESTAMPTZOID, UUIDOID,
};

use super::query;
use crate::query::Query;

query!(/** Lets claims go on beside each other, but not beside an opt-out. */ CLAIM_GUARD, "claim_guard.sql", true, []);
query!(/** Waits for running claims and holds new ones off. */ OPT_OUT_GUARD, "opt_out_guard.sql", true, []);
query!(/** Cancels what waits for a number. */ CANCEL_NUMBER, "cancel_number.sql", true, [TEXTOID]);
query!(/** Cancels what waits for a user. */ CANCEL_USER, "cancel_user.sql", true, [UUIDOID, TEXTOID, TIMESTAMPTZOID]);
query!(/** Opts a number out. */ OPT_OUT_NUMBER, "opt_out_number.sql", true, [TEXTOID, TEXTOID, BOOLOID, TEXTOID]);
query!(/** Opts a user without a number out. */ OPT_OUT_USER, "opt_out_user.sql", true, [UUIDOID, TEXTOID]);
query!(/** A user's number. */ NUMBER_OF_USER, "number_of_user.sql", true, [UUIDOID]);
query!(/** Adds evidence. */ CONSENT, "consent.sql", true, [UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID]);
query!(/** Twilio may text a number again. */ UNBLOCK_NUMBER, "unblock_number.sql", true, [TEXTOID]);
query!(/** Ends our opt-out of a number, if START may. */ OPT_IN_NUMBER, "opt_in_number.sql", true, [TEXTOID]);
query!(/** Ends the opt-out of the people with a number. */ OPT_IN_PEOPLE, "opt_in_people.sql", true, [TEXTOID]);
query!(/** Stores a text that came in. */ INBOUND_STORE, "inbound_store.sql", true,
    [TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID]);
query!(/** What was done about a text that is there already. */ INBOUND_REPEAT, "inbound_repeat.sql", true, [TEXTOID]);
query!(/** Notes what was done about a text, and the answer. */ INBOUND_DONE, "inbound_done.sql", true,
    [UUIDOID, TEXTOID, INT4OID, INT4OID, TEXTOID]);
query!(/** A user's opt-out and the way back. */ OPT_OUT_STATUS, "opt_out_status.sql", false, [UUIDOID]);
query!(/** The ledger, oldest first. */ CONSENT_EVIDENCE, "consent_evidence.sql", false, [UUIDOID, TEXTOID]);
query!(/** Notes an erasure. */ ERASURE_BEGIN, "erasure_begin.sql", true, [UUIDOID]);
query!(/** Erases a user's data. */ ERASE_USER, "erase_user.sql", true, [UUIDOID, TIMESTAMPTZOID]);
query!(/** The next erasure to go over again. */ ERASURE_NEXT, "erasure_next.sql", true, []);
query!(/** Notes that an erasure was gone over. */ ERASURE_SWEPT, "erasure_swept.sql", true, [UUIDOID, INT8OID]);
query!(/** Deletes old events. */ PURGE_EVENTS, "purge_events.sql", true, [INT4OID]);
query!(/** Deletes old texts. */ PURGE_MESSAGES, "purge_messages.sql", true, [INT4OID]);
query!(/** Deletes old callbacks. */ PURGE_CALLBACKS, "purge_callbacks.sql", true, [INT4OID]);
query!(/** Deletes old texts that came in. */ PURGE_INBOUND, "purge_inbound.sql", true, [INT4OID]);
query!(/** Deletes old verifications. */ PURGE_VERIFICATIONS, "purge_verifications.sql", true, [INT4OID]);
