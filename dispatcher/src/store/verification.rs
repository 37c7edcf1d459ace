//! Phone verifications: what waits for Twilio Verify, and what it said.

use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{column, unusable};
use crate::database::DatabaseError;
use crate::link::{Link, Parameter};
use crate::records::Verification;
use crate::verify::Said;

const CLAIM_VERIFICATIONS: &str = "SELECT verification_id, claim, step, phone_number, channel, verification_sid, code \
    FROM claim_phone_verifications($1, $2)";
const COMPLETE_VERIFICATION: &str =
    "SELECT applied FROM complete_phone_verification($1, $2, $3, $4, $5)";

/// Takes up to `limit` phone verifications that wait for Twilio. Empty: none does.
pub(crate) async fn claim_verifications(
    link: &mut Link,
    worker: Uuid,
    limit: i32,
) -> Result<Vec<Verification>, DatabaseError> {
    const CALL: &str = "claim_phone_verifications";
    let parameters: [Parameter<'_>; 2] = [(&worker, Type::UUID), (&limit, Type::INT4)];
    let rows = link.query(CALL, CLAIM_VERIFICATIONS, &parameters).await?;
    rows.iter()
        .map(|row| {
            let step: String = column(row, 2, CALL)?;
            Ok(Verification {
                id: column(row, 0, CALL)?,
                claim: column(row, 1, CALL)?,
                step: step.parse().map_err(|error| unusable(CALL, &error))?,
                phone_number: column(row, 3, CALL)?,
                channel: column(row, 4, CALL)?,
                verification_sid: column(row, 5, CALL)?,
                code: column(row, 6, CALL)?,
            })
        })
        .collect()
}

/// Writes what Twilio Verify said. Returns whether it counted.
pub(crate) async fn complete_verification(
    link: &mut Link,
    worker: Uuid,
    verification: &Verification,
    said: &Said,
) -> Result<bool, DatabaseError> {
    const CALL: &str = "complete_phone_verification";
    let parameters: [Parameter<'_>; 5] = [
        (&worker, Type::UUID),
        (&verification.id, Type::UUID),
        (&verification.claim, Type::INT4),
        (&said.verdict.as_str(), Type::TEXT),
        (&Json(&said.details), Type::JSONB),
    ];
    let rows = link.query(CALL, COMPLETE_VERIFICATION, &parameters).await?;
    rows.first().map_or(Ok(false), |row| column(row, 0, CALL))
}
