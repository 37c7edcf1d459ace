//! Templates, numbers for administrators, and a delivery tried again.

use pgrx::pg_sys::BuiltinOid::{
    BOOLOID, INT2ARRAYOID, INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, UUIDOID,
};

use super::query;
use crate::query::Query;

query!(/** A template's other languages. */ TEMPLATE_VARIANTS, "template_variants.sql", false,
    [TEXTOID, UUIDOID, TIMESTAMPTZOID]);
query!(/** The version of a template in use for a language. */ TEMPLATE, "template.sql", false, [TEXTOID, TEXTOID]);

const DELIVERIES: &str = include_str!("../../../sql/queries/deliveries_since.sql");

query!(/** How a period went. */ OVERVIEW_METRICS, "overview_metrics.sql", false, [TEXTOID, TEXTOID],
    "{deliveries}" = DELIVERIES);
query!(/** How each channel did. */ CHANNEL_PERFORMANCE, "channel_performance.sql", false, [TEXTOID],
    "{deliveries}" = DELIVERIES);
query!(/** How each event type did. */ EVENT_PERFORMANCE, "event_performance.sql", false, [TEXTOID],
    "{deliveries}" = DELIVERIES);
query!(/** What was made in each hour or day. */ DELIVERY_TIMELINE, "delivery_timeline.sql", false, [TEXTOID, TEXTOID],
    "{deliveries}" = DELIVERIES);
query!(/** What failed. */ FAILED_DELIVERIES, "failed_deliveries.sql", false, [TEXTOID, INT4OID],
    "{deliveries}" = DELIVERIES);
query!(/** People and texts in numbers. */ SMS_STATS, "sms_stats.sql", false, [TEXTOID], "{deliveries}" = DELIVERIES);

/// A time as people in any zone read it.
macro_rules! time {
    ($value:literal) => {
        concat!(
            "to_char(",
            $value,
            " at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"')"
        )
    };
}

query!(/** The story of an event. */ WHY, "why.sql", false, [UUIDOID, UUIDOID],
    "{scheduled_for}" = time!("scheduled_for"), "{expires_at}" = time!("expires_at"),
    "{due}" = time!("greatest(created_at, scheduled_for)"), "{run_at}" = time!("delivery.run_at"),
    "{lease}" = time!("b.lease_until"), "{deferred_until}" = time!("deferred_until"));
query!(/** Where a delivery stands. */ DELIVERY_STATE, "delivery_state.sql", true, [UUIDOID]);
query!(/** The same message once more. */ RETRY_DELIVERY, "retry_delivery.sql", true,
    [UUIDOID, TEXTARRAYOID, INT2ARRAYOID, BOOLOID]);
query!(/** What an event that was emitted again came to. */ RESENT_DELIVERY, "resent_delivery.sql", false, [UUIDOID]);
