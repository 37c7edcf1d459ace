//! Claims: due texts become a batch that one worker may send.

use std::cell::Cell;

use pgrx::datum::{DatumWithOid, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::claim_one;
use crate::floor;
use crate::id::new_id;
use crate::queries::{CLAIM, CLAIM_GUARD, CLAIM_PER_TYPE, CLAIM_PLAIN};
use crate::query::Query;
use crate::report::{Result, invalid, null_argument, unexpected};
use crate::vocabulary::queue_ranks;

const LARGEST_CLAIM: i32 = 10_000;
/// A claim whose texts are all suppressed or put off takes the next ones at once, this many times: some tenths of a second
/// of work in one transaction, after which what was locked is given free.
const FRUITLESS_ROUNDS: usize = 10;

thread_local! {
    /// The last claim of this session gave one text or none.
    static IS_QUIET: Cell<bool> = const { Cell::new(true) };
}

/// A text that may be sent: batch, message, attempt, number, text, priority, ValidityPeriod, end of the lease.
pub type Text = (
    Uuid,
    Uuid,
    i32,
    String,
    String,
    String,
    Option<i32>,
    TimestampWithTimeZone,
);

/// Where a text stood in the queue: rank and due time.
pub type QueuePlace = (i16, TimestampWithTimeZone);

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn claim_sms_messages(
    worker: Option<Uuid>,
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(batch_id, Uuid),
            name!(message_id, Uuid),
            name!(attempt, i32),
            name!(to_number, String),
            name!(body, String),
            name!(priority, String),
            name!(validity_seconds, Option<i32>),
            name!(lease_until, TimestampWithTimeZone),
        ),
    >,
> {
    let worker = worker.ok_or_else(|| null_argument("p_worker"))?;
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=LARGEST_CLAIM).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {LARGEST_CLAIM}."),
        ));
    }
    let found = CLAIM_GUARD.row(&[], |row| {
        Ok((row.want(2, "caps")?, row.want(3, "limits")?))
    })?;
    let statement: &Query = match found.ok_or_else(|| unexpected("limits"))? {
        (true, _) => &CLAIM,
        (false, true) => &CLAIM_PER_TYPE,
        (false, false) => &CLAIM_PLAIN,
    };
    let ranks = queue_ranks();
    let mut claimed = Vec::new();
    for _ in 0..FRUITLESS_ROUNDS {
        let floors = floor::begin(&ranks);
        // Where there is little to do, there is little to do it with: a statement's cost is its size.
        let alone = match IS_QUIET.get() && statement.name == CLAIM_PLAIN.name {
            true => claim_one::claim(worker, &ranks, &floors)?,
            false => None,
        };
        let (places, settled);
        (claimed, places, settled) = match alone {
            Some((texts, places)) => (texts, places, 0),
            None => claim_many(
                statement,
                &[
                    worker.into(),
                    limit.into(),
                    new_id().into(),
                    ranks.clone().into(),
                    floors.into(),
                ],
            )?,
        };
        let is_full = i32::try_from(places.len()).is_ok_and(|texts| texts >= limit);
        let began_later = floor::end(places.into_iter(), is_full);
        if !claimed.is_empty() || settled == 0 && !began_later {
            break;
        }
    }
    IS_QUIET.set(claimed.len() <= 1);
    Ok(TableIterator::new(claimed))
}

/// Runs one of the claim's statements. Gives the texts, where they stood, and how many others were suppressed or put off.
fn claim_many(
    statement: &Query,
    arguments: &[DatumWithOid<'_>],
) -> Result<(Vec<Text>, Vec<QueuePlace>, i64)> {
    let mut settled = 0_i64;
    let mut places = Vec::new();
    let rows = statement.rows(arguments, |row| {
        settled = row.want(1, "count")?;
        let Some(batch) = row.get(2)? else {
            return Ok(None);
        };
        places.push((row.want(10, "rank")?, row.want(11, "due time")?));
        Ok(Some((
            batch,
            row.want(3, "message")?,
            row.want(4, "attempt")?,
            row.want(5, "number")?,
            row.want(6, "text")?,
            row.want(7, "priority")?,
            row.get(8)?,
            row.want(9, "lease")?,
        )))
    })?;
    Ok((rows.into_iter().flatten().collect(), places, settled))
}
