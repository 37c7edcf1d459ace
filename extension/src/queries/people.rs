//! What people want, and finding them.

use pgrx::pg_sys::BuiltinOid::{
    BOOLOID, INT2OID, INT4OID, JSONBOID, TEXTOID, UUIDARRAYOID, UUIDOID,
};

use super::query;
use crate::query::Query;

query!(/** Everything a user may set. */ PREFERENCES, "preferences.sql", false, [UUIDOID]);
query!(/** The same after a change in this statement. */ PREFERENCES_NOW, "preferences.sql", true, [UUIDOID]);
query!(/** The two rows of a user. */ PREFERENCES_ROWS, "preferences_rows.sql", true, [UUIDOID]);
query!(/** Changes preferences. */ PREFERENCES_SET, "preferences_set.sql", true, [UUIDOID, JSONBOID]);
query!(/** What stands between a user and texts. */ SMS_CONSENT, "sms_consent.sql", true, [UUIDOID]);
query!(/** Whether a time zone exists. */ TIME_ZONE, "time_zone.sql", false, [TEXTOID]);
query!(/** Whether a user may hear of an event type. */ EVENT_TYPE, "event_type.sql", false, [TEXTOID, UUIDOID]);
query!(/** Makes or changes a subscription. */ SUBSCRIPTION_SET, "subscription_set.sql", true,
    [UUIDOID, TEXTOID, JSONBOID, UUIDOID]);
query!(/** Ends a subscription. */ UNSUBSCRIBE, "unsubscribe.sql", true, [UUIDOID, TEXTOID]);
query!(/** People by name, address or id. */ SEARCH_RECIPIENTS, "search_recipients.sql", false, [TEXTOID, TEXTOID, INT4OID]);
query!(/** A test to named people. */ SEND_TEST, "send_test.sql", true,
    [UUIDOID, TEXTOID, JSONBOID, UUIDOID, UUIDARRAYOID, TEXTOID, TEXTOID, INT2OID, UUIDOID, TEXTOID, INT2OID, BOOLOID]);
