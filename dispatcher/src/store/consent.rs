//! Calls about consent: texts that come in, and records whose time is over.

use tokio_postgres::types::{Json, Type};

use super::column;
use crate::database::DatabaseError;
use crate::inbound::{Done, Text};
use crate::link::Link;

const RECORD_INBOUND: &str = "SELECT ordinal, result, keyword, cancelled, in_flight, reply \
    FROM record_twilio_inbound($1)";
const PURGE: &str = "SELECT kind, records FROM purge_expired_records($1)";

/// Records texts that came in and does what they mean. Returns for each, in order, what was done.
pub(crate) async fn record_inbound(
    link: &mut Link,
    texts: &[&Text],
) -> Result<Vec<Done>, DatabaseError> {
    const CALL: &str = "record_twilio_inbound";
    let rows = link
        .query(CALL, RECORD_INBOUND, &[(&Json(texts), Type::JSONB)])
        .await?;
    let mut done = vec![Done::default(); texts.len()];
    for row in &rows {
        let ordinal: i32 = column(row, 0, CALL)?;
        let slot = usize::try_from(ordinal)
            .ok()
            .and_then(|ordinal| done.get_mut(ordinal.wrapping_sub(1)));
        if let Some(slot) = slot {
            *slot = Done {
                result: column(row, 1, CALL)?,
                keyword: column(row, 2, CALL)?,
                cancelled: column(row, 3, CALL)?,
                in_flight: column(row, 4, CALL)?,
                reply: column(row, 5, CALL)?,
            };
        }
    }
    Ok(done)
}

/// Deletes up to `limit` records of each kind whose time is over. Returns kind and number.
pub(crate) async fn purge(
    link: &mut Link,
    limit: i32,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    const CALL: &str = "purge_expired_records";
    let rows = link.query(CALL, PURGE, &[(&limit, Type::INT4)]).await?;
    rows.iter()
        .map(|row| Ok((column(row, 0, CALL)?, column(row, 1, CALL)?)))
        .collect()
}
