//! Numbers for administrators, under the original system's names.
//!
//! One definition for all: *sent* is sent, delivered, opened or clicked; *delivered* is delivered, opened or clicked;
//! *failed* is failed or bounced; success is sent among sent and failed. Suppressed and cancelled are neither. A rate is in
//! percent, NULL when there is nothing to divide by.

use pgrx::datum::{AnyNumeric, TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

use crate::queries::{
    CHANNEL_PERFORMANCE, DELIVERY_TIMELINE, EVENT_PERFORMANCE, FAILED_DELIVERIES, OVERVIEW_METRICS,
    SMS_STATS,
};
use crate::report::{Result, invalid, null_argument};

const GRANULARITIES: [&str; 2] = ["hour", "day"];
const MOST_FAILURES: i32 = 1000;

fn interval(value: Option<&str>) -> Result<&str> {
    value.ok_or_else(|| null_argument("p_interval"))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_notification_overview_metrics(
    period: Option<&str>,
    offset: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(total_sent, i64),
            name!(delivery_success_rate, Option<AnyNumeric>),
            name!(avg_open_rate, Option<AnyNumeric>),
            name!(avg_click_rate, Option<AnyNumeric>),
        ),
    >,
> {
    let arguments = [interval(period)?.into(), offset.unwrap_or("0").into()];
    let rows = OVERVIEW_METRICS.rows(&arguments, |row| {
        Ok((row.want(1, "count")?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_notification_channel_performance(
    period: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(channel, String),
            name!(total_sent, i64),
            name!(sent, i64),
            name!(delivered, i64),
            name!(opened, i64),
            name!(clicked, i64),
            name!(failed, i64),
            name!(success_rate, Option<AnyNumeric>),
            name!(delivery_rate, Option<AnyNumeric>),
            name!(open_rate, Option<AnyNumeric>),
            name!(click_rate, Option<AnyNumeric>),
            name!(avg_delivery_time_ms, Option<AnyNumeric>),
            name!(suppressed, i64),
        ),
    >,
> {
    let rows = CHANNEL_PERFORMANCE.rows(&[interval(period)?.into()], |row| {
        Ok((
            row.want(1, "channel")?,
            row.want(2, "count")?,
            row.want(3, "count")?,
            row.want(4, "count")?,
            row.want(5, "count")?,
            row.want(6, "count")?,
            row.want(7, "count")?,
            row.get(8)?,
            row.get(9)?,
            row.get(10)?,
            row.get(11)?,
            row.get(12)?,
            row.want(13, "count")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_notification_event_performance(
    period: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(event_type, String),
            name!(total_events, i64),
            name!(total_deliveries, i64),
            name!(unique_subscribers, i64),
            name!(avg_delivery_time_seconds, Option<AnyNumeric>),
            name!(open_rate, Option<AnyNumeric>),
            name!(click_rate, Option<AnyNumeric>),
        ),
    >,
> {
    let rows = EVENT_PERFORMANCE.rows(&[interval(period)?.into()], |row| {
        Ok((
            row.want(1, "event type")?,
            row.want(2, "count")?,
            row.want(3, "count")?,
            row.want(4, "count")?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_notification_delivery_timeline(
    period: Option<&str>,
    granularity: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(time_bucket, TimestampWithTimeZone),
            name!(sent, i32),
            name!(delivered, i32),
            name!(opened, i32),
            name!(clicked, i32),
            name!(failed, i32),
        ),
    >,
> {
    let granularity = granularity.ok_or_else(|| null_argument("p_granularity"))?;
    if !GRANULARITIES.contains(&granularity) {
        return Err(invalid(
            format!("p_granularity is {granularity:?}"),
            "Use hour or day.",
        ));
    }
    let arguments = [interval(period)?.into(), granularity.into()];
    let rows = DELIVERY_TIMELINE.rows(&arguments, |row| {
        Ok((
            row.want(1, "time")?,
            row.want(2, "count")?,
            row.want(3, "count")?,
            row.want(4, "count")?,
            row.want(5, "count")?,
            row.want(6, "count")?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_notification_failed_deliveries(
    period: Option<&str>,
    limit: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(delivery_id, Uuid),
            name!(event_id, Uuid),
            name!(event_type, String),
            name!(channel, String),
            name!(recipient_user_id, Uuid),
            name!(recipient_email, Option<String>),
            name!(last_error, Option<String>),
            name!(attempts, i32),
            name!(max_attempts, i32),
            name!(created_at, TimestampWithTimeZone),
            name!(failed_at, Option<TimestampWithTimeZone>),
        ),
    >,
> {
    let limit = limit.ok_or_else(|| null_argument("p_limit"))?;
    if !(1..=MOST_FAILURES).contains(&limit) {
        return Err(invalid(
            format!("p_limit is {limit}"),
            format!("Use a number from 1 to {MOST_FAILURES}."),
        ));
    }
    let rows = FAILED_DELIVERIES.rows(&[interval(period)?.into(), limit.into()], |row| {
        Ok((
            row.want(1, "delivery")?,
            row.want(2, "event")?,
            row.want(3, "event type")?,
            row.want(4, "channel")?,
            row.want(5, "recipient")?,
            row.get(6)?,
            row.get(7)?,
            row.want(8, "attempts")?,
            row.want(9, "attempts")?,
            row.want(10, "time")?,
            row.get(11)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}

/// See `sql/api/`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The columns of the declared table.
fn get_sms_notification_stats(
    period: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(total_users_with_phone, i64),
            name!(users_phone_verified, i64),
            name!(users_sms_enabled, i64),
            name!(users_opted_out, i64),
            name!(phone_verification_rate, Option<AnyNumeric>),
            name!(sms_adoption_rate, Option<AnyNumeric>),
            name!(opt_out_rate, Option<AnyNumeric>),
            name!(total_sms_sent_24h, i64),
            name!(sms_delivery_rate_24h, Option<AnyNumeric>),
            name!(avg_sms_delivery_time_seconds, Option<AnyNumeric>),
        ),
    >,
> {
    let rows = SMS_STATS.rows(&[interval(period)?.into()], |row| {
        Ok((
            row.want(1, "count")?,
            row.want(2, "count")?,
            row.want(3, "count")?,
            row.want(4, "count")?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
            row.want(8, "count")?,
            row.get(9)?,
            row.get(10)?,
        ))
    })?;
    Ok(TableIterator::new(rows))
}
