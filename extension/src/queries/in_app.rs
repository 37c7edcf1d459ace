//! Notifications inside the application.

use pgrx::pg_sys::BuiltinOid::{BOOLOID, INT4OID, UUIDOID};

use super::query;
use crate::query::Query;

query!(/** A user's list. */ IN_APP_LIST, "in_app_list.sql", false, [UUIDOID, INT4OID, UUIDOID, BOOLOID]);
query!(/** How many are unread. */ IN_APP_UNREAD, "in_app_unread.sql", false, [UUIDOID]);
query!(/** Marks one or all as read. */ IN_APP_READ, "in_app_read.sql", true, [UUIDOID, UUIDOID]);
query!(/** Puts one away. */ IN_APP_DISMISS, "in_app_dismiss.sql", true, [UUIDOID, UUIDOID]);
