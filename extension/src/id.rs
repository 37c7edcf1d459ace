//! Ids: UUIDv7, in order of time.

use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// A new UUIDv7: ids in order of time, so an insert goes to the end of an index.
pub fn new_id() -> Uuid {
    Uuid::from_bytes(uuid::Uuid::now_v7().into_bytes())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_uuid_v7() -> Uuid {
    new_id()
}
