//! Phone numbers: proving them, taking them over, giving them up.

use pgrx::pg_sys::BuiltinOid::{BOOLOID, INT2OID, INT4OID, TEXTOID, UUIDOID};

use super::query;
use crate::query::Query;

query!(/** One at a time per user and number. */ VERIFY_LOCK, "verify_lock.sql", false, [UUIDOID, TEXTOID]);
query!(/** What the reading of a number depends on. */ VERIFY_SETTINGS, "verify_settings.sql", false, []);
query!(/** Begins a verification. */ VERIFY_START, "verify_start.sql", true, [UUIDOID, UUIDOID, TEXTOID, INT2OID, BOOLOID]);
query!(/** What a user has begun. */ VERIFY_OPEN, "verify_open.sql", false, [UUIDOID]);
query!(/** Hands a code to the daemons. */ VERIFY_CONFIRM, "verify_confirm.sql", true, [UUIDOID, TEXTOID, INT2OID, BOOLOID]);
query!(/** A user's latest verification. */ VERIFY_STATE, "verify_state.sql", false, [UUIDOID]);
query!(/** How long verify_phone_code waits. */ VERIFY_WAIT, "verify_wait.sql", false, []);
query!(/** Takes verifications that wait. */ VERIFY_CLAIM, "verify_claim.sql", true, [UUIDOID, INT4OID, INT2OID]);
query!(/** What a claim is about. */ VERIFY_CLAIMED, "verify_claimed.sql", false, [UUIDOID, UUIDOID, INT4OID]);
query!(/** Writes what Verify said. */ VERIFY_COMPLETE, "verify_complete.sql", true,
    [UUIDOID, UUIDOID, INT4OID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID]);
query!(/** Tells what became of a verification. */ VERIFY_ANNOUNCE, "verify_announce.sql", false,
    [UUIDOID, UUIDOID, TEXTOID, TEXTOID]);
query!(/** Takes a proven number over. */ IMPORT_NUMBER, "import_number.sql", true, [UUIDOID, TEXTOID, TEXTOID]);
query!(/** Gives a number up. */ REMOVE_NUMBER, "remove_number.sql", true, [UUIDOID]);
