//! Keeps the leases of what this process holds, and ends those that nobody keeps any more.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::claim::Parts;
use crate::database::DatabaseError;
use crate::store;

/// How often leases that ended are looked for, whoever held them.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);

/// When to do it next.
#[derive(Debug)]
pub(crate) struct Leases {
    extend_at: Instant,
    expire_at: Instant,
}

impl Leases {
    /// Nothing is held yet; ended leases are looked for at once.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            extend_at: now,
            expire_at: now,
        }
    }

    /// Does what is due: our own leases at each third of `lease`, the ended ones every few seconds.
    pub(crate) async fn keep(
        &mut self,
        parts: &mut Parts,
        lease: Duration,
    ) -> Result<(), DatabaseError> {
        let now = Instant::now();
        let batches = parts.in_flight.batches();
        if batches.is_empty() {
            // What is claimed from here on comes with a whole lease.
            self.extend_at = now + lease / 3;
        } else if now >= self.extend_at {
            extend(parts, batches).await?;
            self.extend_at = now + lease / 3;
        }
        if now >= self.expire_at {
            let expired = store::expire(&mut parts.link).await?;
            if expired > 0 {
                tracing::warn!(
                    messages = expired,
                    "leases ended without a result: these texts are unknown now"
                );
            }
            parts.metrics.leases_expired(expired);
            self.expire_at = now + EXPIRE_EVERY;
        }
        Ok(())
    }
}

async fn extend(parts: &mut Parts, batches: Vec<Uuid>) -> Result<(), DatabaseError> {
    let held = store::extend(&mut parts.link, parts.worker, &batches).await?;
    let held: HashSet<Uuid> = held.into_iter().collect();
    // A batch whose last result was written while we asked is not lost; it is done.
    let lost = batches
        .into_iter()
        .filter(|batch| !held.contains(batch) && parts.in_flight.holds(*batch));
    for batch in lost {
        tracing::warn!(%batch, "lease lost: nothing more of this batch is sent");
        parts.in_flight.lost(batch);
    }
    Ok(())
}
