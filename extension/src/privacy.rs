//! Forgetting: a person who asks for it, and records whose time is over.

use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{
    CANCEL_USER, ERASE_USER, ERASURE_BEGIN, ERASURE_NEXT, ERASURE_SWEPT, PURGE_CALLBACKS,
    PURGE_EVENTS, PURGE_INBOUND, PURGE_MESSAGES, PURGE_VERIFICATIONS,
};
use crate::query::Query;
use crate::report::{Result, invalid, null_argument, unexpected};

const LARGEST_CHUNK: i32 = 100_000;
/// Most erasures that one call goes over again.
const SWEEPS: i64 = 10;
/// Why a text was cancelled.
const REASON: &str = "erased";
/// The line of the report that counts what is to be erased later.
const LEFT: &str = "left until its outcome is known";

/// Kinds of records, and the statement that deletes the oldest of each.
const KINDS: [(&str, Query); 5] = [
    ("events", PURGE_EVENTS),
    ("messages", PURGE_MESSAGES),
    ("callbacks", PURGE_CALLBACKS),
    ("inbound", PURGE_INBOUND),
    ("verifications", PURGE_VERIFICATIONS),
];

type Line = (String, String, i64);

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn erase_user(
    user: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(table_name, String),
            name!(action, String),
            name!(records, i64),
        ),
    >,
> {
    let user = user.ok_or_else(|| null_argument("p_user_id"))?;
    let (stopped, until) = ERASURE_BEGIN
        .row(&[user.into()], |row| {
            Ok((
                row.want::<i64>(1, "count")?,
                row.want::<TimestampWithTimeZone>(2, "time")?,
            ))
        })?
        .ok_or_else(|| unexpected("count"))?;
    let mut report = vec![(
        "notification_events".to_owned(),
        "cancelled".to_owned(),
        stopped,
    )];
    report.extend(erase(user, until)?);
    Ok(TableIterator::new(report))
}

/// Erases what was made until then: what is newer belongs to somebody who came back.
fn erase(user: Uuid, until: TimestampWithTimeZone) -> Result<Vec<Line>> {
    let cancelled: i32 = CANCEL_USER
        .row(&[user.into(), REASON.into(), until.into()], |row| {
            row.want(1, "count")
        })?
        .ok_or_else(|| unexpected("count"))?;
    let mut report = vec![(
        "sms_messages".to_owned(),
        "cancelled".to_owned(),
        i64::from(cancelled),
    )];
    report.extend(ERASE_USER.rows(&[user.into(), until.into()], |row| {
        Ok((
            row.want(1, "table")?,
            row.want(2, "action")?,
            row.want(3, "count")?,
        ))
    })?);
    Ok(report)
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn purge_expired_records(
    limit: Option<i32>,
) -> Result<TableIterator<'static, (name!(kind, String), name!(records, i64))>> {
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=LARGEST_CHUNK).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {LARGEST_CHUNK}."),
        ));
    }
    let mut purged = Vec::new();
    for (kind, statement) in &KINDS {
        let records = statement
            .row(&[limit.into()], |row| row.want(1, "count"))?
            .ok_or_else(|| unexpected("count"))?;
        purged.push(((*kind).to_owned(), records));
    }
    purged.push(("erasures".to_owned(), sweep(i64::from(limit).min(SWEEPS))?));
    Ok(TableIterator::new(purged))
}

/// Goes over erasures again: callbacks may have brought traces since.
fn sweep(most: i64) -> Result<i64> {
    for swept in 0..most {
        let next = ERASURE_NEXT.row(&[], |row| {
            Ok((
                row.want::<Uuid>(1, "erasure")?,
                row.want::<Uuid>(2, "user")?,
                row.want::<TimestampWithTimeZone>(3, "time")?,
            ))
        })?;
        let Some((erasure, user, until)) = next else {
            return Ok(swept);
        };
        let left: i64 = erase(user, until)?
            .iter()
            .filter(|(_, action, _)| action == LEFT)
            .map(|(_, _, records)| records)
            .sum();
        ERASURE_SWEPT.run(&[erasure.into(), left.into()])?;
    }
    Ok(most)
}
