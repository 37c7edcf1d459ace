//! What goes wrong at Twilio: the rule for an error, the breakers, and what follows when an accepted text fails.

use herald_core::catalogue::{self, Scope, Surface};
use herald_core::{backoff, country};
use pgrx::JsonB;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::callbacks;
use crate::queries::{BREAKERS, CLASSIFY_ERROR, FAILURES, ORPHANS, RESUME_SENDING};
use crate::query::jsonb_of;
use crate::report::{Result, invalid, null_argument};
use crate::vocabulary::priority_ranks;

/// Follows up texts that Twilio has: applies the stored callbacks of `sids`, which came before these were known, and lets
/// the catalogue decide about those of `messages` that have failed: another attempt, or not; opt-out, number, breaker.
/// For every statement that gives a message its SID or a final failure, in the same transaction after it.
pub fn follow_up(mut messages: Vec<Uuid>, sids: Vec<String>) -> Result<()> {
    if !sids.is_empty() {
        let orphans = ORPHANS
            .row(&[sids.into()], |row| row.get::<JsonB>(1))?
            .flatten();
        if let Some(JsonB(orphans)) = orphans {
            messages.extend(callbacks::apply(jsonb_of(orphans))?);
        }
    }
    if messages.is_empty() {
        return Ok(());
    }
    let (names, ranks) = priority_ranks();
    FAILURES.run(&[messages.into(), names.into(), ranks.into()])
}

fn surface_of(word: Option<&str>, argument: &str) -> Result<Surface> {
    let word = word.ok_or_else(|| null_argument(argument))?;
    word.parse()
        .map_err(|error| invalid(format!("{argument}: {error}"), "Use one of these."))
}

/// An HTTP status as far as it is one.
fn status_of(number: Option<i32>) -> Option<u16> {
    number.and_then(|number| number.try_into().ok())
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn classify_twilio_error(
    code: Option<i32>,
    surface: Option<&str>,
    http_status: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(rule, i32),
            name!(is_default, bool),
            name!(category, String),
            name!(permanence, String),
            name!(retry, String),
            name!(base_delay_seconds, i32),
            name!(max_delay_seconds, i32),
            name!(max_attempts, Option<i32>),
            name!(counts_attempt, bool),
            name!(scope, String),
            name!(severity, String),
            name!(action, String),
            name!(meaning, String),
            name!(advice, String),
        ),
    >,
> {
    let surface = surface_of(surface, "p_surface")?;
    let arguments = [code.into(), surface.as_str().into(), http_status.into()];
    let rows = CLASSIFY_ERROR.rows(&arguments, |row| {
        Ok((
            row.want(1, "rule")?,
            row.want(2, "rule")?,
            row.want(3, "category")?,
            row.want(4, "permanence")?,
            row.want(5, "retry rule")?,
            row.want(6, "delay")?,
            row.want(7, "delay")?,
            row.get(8)?,
            row.want(9, "rule")?,
            row.want(10, "scope")?,
            row.want(11, "severity")?,
            row.want(12, "action")?,
            row.want(13, "meaning")?,
            row.want(14, "advice")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn herald_breakers() -> Result<
    TableIterator<
        'static,
        (
            name!(id, Uuid),
            name!(scope, String),
            name!(key, String),
            name!(error_code, Option<i32>),
            name!(reason, String),
            name!(severity, String),
            name!(advice, Option<String>),
            name!(opened_at, TimestampWithTimeZone),
            name!(resume_at, TimestampWithTimeZone),
            name!(failures, i32),
        ),
    >,
> {
    let rows = BREAKERS.rows(&[], |row| {
        Ok((
            row.want(1, "breaker")?,
            row.want(2, "scope")?,
            row.want(3, "key")?,
            row.get(4)?,
            row.want(5, "reason")?,
            row.want(6, "severity")?,
            row.get(7)?,
            row.want(8, "time")?,
            row.want(9, "time")?,
            row.want(10, "count")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn resume_sending(scope: Option<&str>, key: Option<&str>) -> Result<i32> {
    const SCOPES: [Scope; 3] = [Scope::Account, Scope::Sender, Scope::Country];
    let word = scope.ok_or_else(|| null_argument("p_scope"))?;
    let scope = word
        .parse()
        .ok()
        .filter(|scope| SCOPES.contains(scope))
        .ok_or_else(|| {
            invalid(
                format!("p_scope: there is no breaker of scope {word:?}"),
                "Use account, sender or country.",
            )
        })?;
    let closed = RESUME_SENDING.row(&[scope.as_str().into(), key.into()], |row| {
        row.want(1, "count")
    })?;
    Ok(closed.unwrap_or(0))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_rule_delay(
    category: Option<&str>,
    base_seconds: Option<i32>,
    max_seconds: Option<i32>,
    attempt: Option<i32>,
    jitter: Option<f64>,
) -> Result<f64> {
    let category = category.ok_or_else(|| null_argument("category"))?;
    let base = base_seconds.ok_or_else(|| null_argument("base_seconds"))?;
    let max = max_seconds.ok_or_else(|| null_argument("max_seconds"))?;
    let attempt = attempt.ok_or_else(|| null_argument("attempt"))?;
    let jitter = jitter.ok_or_else(|| null_argument("jitter"))?;
    let (usual_base, usual_max) = catalogue::usual_delay_seconds(category);
    let or_usual = |seconds: i32, usual: i32| f64::from(if seconds > 0 { seconds } else { usual });
    Ok(backoff::delay_seconds(
        or_usual(base, usual_base),
        or_usual(max, usual_max),
        attempt,
        jitter,
    ))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_error_rule(
    surface: Option<&str>,
    http_status: Option<i32>,
    code: Option<i32>,
) -> Result<i32> {
    let surface = surface_of(surface, "surface")?;
    Ok(catalogue::rule_code(surface, status_of(http_status), code))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
fn herald_country_key(phone_number: Option<&str>) -> Option<&str> {
    phone_number.map(country::country_key)
}
