//! Settings of the database.

use pgrx::pg_sys::BuiltinOid::{JSONBOID, TEXTOID};

use super::query;
use crate::query::Query;

query!(/** A setting's kind and bounds. */ SETTING, "setting.sql", false, [TEXTOID, JSONBOID]);
query!(/** Changes a setting. */ SET_SETTING, "set_setting.sql", true, [TEXTOID, JSONBOID]);
query!(/** Whether a value goes together with the other settings. */ SETTING_CONFLICT, "setting_conflict.sql", false,
    [TEXTOID, JSONBOID]);
