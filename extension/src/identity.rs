//! Restore safety: which database this is, and for which one sending was armed; and the state of sending at a glance.

use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::queries::{ARM, IDENTITY, STATUS};
use crate::report::{Result, null_argument, unexpected, wrong_state};
use crate::vocabulary::priority_ranks;

type Identity = (
    Uuid,
    String,
    i32,
    i64,
    i64,
    bool,
    Option<Uuid>,
    Option<String>,
    Option<i32>,
    Option<i64>,
    Option<TimestampWithTimeZone>,
    bool,
    i64,
);

fn identity(known: Option<Uuid>) -> Result<Identity> {
    // SAFETY: reads shared memory.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return Err(wrong_state(
            "the server is a standby",
            "Connect to the primary: name all servers and add target_session_attrs=read-write.",
        ));
    }
    IDENTITY
        .row(&[known.into()], |row| {
            Ok((
                row.want(1, "row of herald.installation")?,
                row.want(2, "identity")?,
                row.want(3, "identity")?,
                row.want(4, "identity")?,
                row.want(5, "identity")?,
                row.want(6, "identity")?,
                row.get(7)?,
                row.get(8)?,
                row.get(9)?,
                row.get(10)?,
                row.get(11)?,
                row.want(12, "identity")?,
                row.want(13, "count")?,
            ))
        })?
        .ok_or_else(|| unexpected("row of herald.installation"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn herald_dispatch_identity(
    known_arming: Option<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(install_id, Uuid),
            name!(system_identifier, String),
            name!(timeline, i32),
            name!(database_oid, i64),
            name!(wal_position, i64),
            name!(installed_here, bool),
            name!(arming_id, Option<Uuid>),
            name!(armed_system_identifier, Option<String>),
            name!(armed_timeline, Option<i32>),
            name!(armed_database_oid, Option<i64>),
            name!(armed_at, Option<TimestampWithTimeZone>),
            name!(knows_arming, bool),
            name!(waiting, i64),
        ),
    >,
> {
    Ok(TableIterator::once(identity(known_arming)?))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_arm(
    first: Option<bool>,
) -> Result<TableIterator<'static, (name!(arming_id, Uuid), name!(quarantined, i32))>> {
    let first = first.ok_or_else(|| null_argument("p_first"))?;
    let (_, _, _, _, _, installed_here, arming, _, _, _, _, _, waiting) = identity(None)?;
    if first && arming.is_some() {
        return Err(wrong_state(
            "sending was armed for this installation before",
            "Run herald arm --yes if this database is the one to send from.",
        ));
    }
    if first && !installed_here && waiting > 0 {
        return Err(wrong_state(
            format!(
                "pg_herald was installed in another database than this one, and {waiting} texts wait"
            ),
            "Run herald arm --yes if this database is the one to send from.",
        ));
    }
    // SAFETY: a role that runs a statement exists, so its name is found; it is copied at once.
    let caller = unsafe {
        let name = pg_sys::GetUserNameFromId(pg_sys::GetOuterUserId(), false);
        std::ffi::CStr::from_ptr(name)
            .to_string_lossy()
            .into_owned()
    };
    let rows = ARM.rows(&[first.into(), caller.into()], |row| {
        Ok((row.want(1, "arming")?, row.want(2, "count")?))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn herald_status() -> Result<
    TableIterator<
        'static,
        (
            name!(section, String),
            name!(name, String),
            name!(amount, Option<i64>),
            name!(age_seconds, Option<f64>),
            name!(detail, Option<String>),
        ),
    >,
> {
    let (names, ranks) = priority_ranks();
    let rows = STATUS.rows(&[names.into(), ranks.into()], |row| {
        Ok((
            row.want(1, "section")?,
            row.want(2, "name")?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}
