//! Quiet hours and local days, on the time zones that Postgres has: the functions the statements call per recipient.
//!
//! `timestamptz` and `time` come as what they are, microseconds since 2000 and since midnight.

use std::ffi::{CString, c_int, c_long};

use herald_core::quiet_hours::{self, QuietHours, Release, Span, Zone};
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use pgrx::prelude::*;

const SECOND: i64 = 1_000_000;
/// 2000-01-01 in seconds since 1970.
const EPOCH: i64 = 946_684_800;
const INFINITY: i64 = i64::MAX;
const MINUS_INFINITY: i64 = i64::MIN;

/// A zone as Postgres knows it; it is never freed.
struct PostgresZone(*mut pg_sys::pg_tz);

impl PostgresZone {
    /// `None` if there is no zone of this name.
    fn named(name: &str) -> Option<Self> {
        if !quiet_hours::is_zone_name(name) {
            return None;
        }
        let name = CString::new(name).ok()?;
        // SAFETY: a C string that lives through the call; an unknown or too long name gives NULL.
        let zone = unsafe { pg_sys::pg_tzset(name.as_ptr()) };
        (!zone.is_null()).then_some(Self(zone))
    }

    fn utc() -> Option<Self> {
        Self::named("UTC")
    }
}

impl Zone for PostgresZone {
    fn span(&self, at: i64) -> Span {
        let (mut offset, mut next_offset): (c_long, c_long) = (0, 0);
        let (mut is_dst, mut is_next_dst): (c_int, c_int) = (0, 0);
        let mut boundary: pg_sys::pg_time_t = 0;
        // SAFETY: the zone is one that pg_tzset gave; all other pointers are to locals.
        let found = unsafe {
            pg_sys::pg_next_dst_boundary(
                &raw const at,
                &raw mut offset,
                &raw mut is_dst,
                &raw mut boundary,
                &raw mut next_offset,
                &raw mut is_next_dst,
                self.0,
            )
        };
        Span {
            offset,
            until: (found > 0).then_some(boundary),
        }
    }
}

const fn seconds(timestamp: i64) -> i64 {
    timestamp.div_euclid(SECOND) + EPOCH
}

const fn timestamp(seconds: i64) -> i64 {
    (seconds - EPOCH).saturating_mul(SECOND)
}

const fn is_finite(timestamp: i64) -> bool {
    timestamp != INFINITY && timestamp != MINUS_INFINITY
}

/// See `sql/api/`. Declared strict: there is no NULL here.
#[pg_extern(sql = false)]
pub fn herald_open_at(
    due: i64,
    start: i64,
    end: i64,
    zone: &str,
    minimum: i32,
    spread: i32,
    user: Uuid,
) -> i64 {
    if !is_finite(due) {
        return due;
    }
    let hours = QuietHours::new(start / SECOND, end / SECOND);
    let release = Release {
        minimum: minimum.into(),
        spread: spread.into(),
        seed: seed(user),
    };
    let at = seconds(due);
    let open = PostgresZone::named(zone).and_then(|zone| hours.opens(at, &zone, release));
    match open {
        Some(open) if open == at => due,
        Some(open) => timestamp(open),
        // Whoever is held back by hours that nobody can tell is held back for ever: better than texted at night.
        None => INFINITY,
    }
}

/// See `sql/api/`. Declared strict: there is no NULL here.
#[pg_extern(sql = false)]
pub fn herald_closes_at(at: i64, start: i64, end: i64, zone: &str) -> i64 {
    if !is_finite(at) {
        return at;
    }
    let hours = QuietHours::new(start / SECOND, end / SECOND);
    PostgresZone::named(zone)
        .and_then(|zone| hours.begins(seconds(at), &zone))
        .map_or(INFINITY, timestamp)
}

/// See `sql/api/`. Declared strict: there is no NULL here.
#[pg_extern(sql = false)]
pub fn herald_day_start(at: i64, zone: &str, days: i32) -> i64 {
    if !is_finite(at) {
        return at;
    }
    PostgresZone::named(zone)
        .or_else(PostgresZone::utc)
        .map_or(at, |zone| {
            timestamp(quiet_hours::day_start(seconds(at), days.into(), &zone))
        })
}

/// A person's own number.
fn seed(user: Uuid) -> u64 {
    let (high, low) = uuid::Uuid::from_bytes(*user.as_bytes()).as_u64_pair();
    high.rotate_left(32) ^ low
}
