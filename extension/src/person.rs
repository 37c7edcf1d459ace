//! What the tables say of one person and one event type, read by keys without a statement.

use herald_core::gate::Subscription;
use pgrx::datum::{AnyElement, Uuid};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::direct::Known;
use crate::direct::read::{Place, Table};
use crate::json;
use crate::query::FreshSnapshot;

const SUBSCRIPTIONS: Table = Table {
    name: c"notification_subscriptions",
    index: c"notification_subscriptions_event_user_key",
    keys: &[
        (c"event_type", pg_sys::TEXTOID),
        (c"user_id", pg_sys::UUIDOID),
    ],
    columns: &[
        (c"id", pg_sys::UUIDOID),
        (c"is_active", pg_sys::BOOLOID),
        (c"filters", pg_sys::JSONBOID),
        (c"sms_enabled", pg_sys::BOOLOID),
    ],
};
const CHANNELS: Table = Table {
    name: c"user_notification_preferences",
    index: c"user_notification_preferences_user_key",
    keys: &[(c"user_id", pg_sys::UUIDOID)],
    columns: &[(c"sms_enabled", pg_sys::BOOLOID)],
};
const PEOPLE: Table = Table {
    name: c"user_sms_preferences",
    index: c"user_sms_preferences_user_key",
    keys: &[(c"user_id", pg_sys::UUIDOID)],
    columns: &[
        (c"phone_number", pg_sys::TEXTOID),
        (c"phone_verified", pg_sys::BOOLOID),
        (c"phone_invalid_reason", pg_sys::TEXTOID),
        (c"opted_out", pg_sys::BOOLOID),
        (c"timezone", pg_sys::TEXTOID),
        (c"quiet_hours_start", pg_sys::TIMEOID),
        (c"quiet_hours_end", pg_sys::TIMEOID),
        (c"urgent_alerts", pg_sys::BOOLOID),
        (c"urgent_bypass_quiet_hours", pg_sys::BOOLOID),
    ],
};

/// Whether and how a person wants texts of one event type.
#[derive(Default)]
pub struct Person {
    /// The subscription to the type.
    pub subscription_id: Option<Uuid>,
    /// What it says of this event.
    pub subscription: Subscription,
    /// That it, or else the person, has texts switched on.
    pub is_enabled: bool,
    /// The number.
    pub phone_number: Option<String>,
    /// That the number is theirs.
    pub is_verified: bool,
    /// That carriers do not know it.
    pub is_invalid: bool,
    /// That nobody may text it.
    pub is_opted_out: bool,
    /// Their time zone, if they named one.
    pub zone: Option<String>,
    /// Quiet hours, in microseconds since midnight; `None` without a row.
    pub quiet_hours: Option<(i64, i64)>,
    /// That urgent texts come at any time.
    pub urgent_passes: bool,
}

thread_local! {
    /// The three tables, if all are as we make them.
    static PLACES: Known<Option<[Place; 3]>> = const { Known::new() };
}

/// Reads what is known of a person; `None`: the tables are not as we make them, ask by a statement.
pub fn look(user: Uuid, event_type: &str, payload: Option<AnyElement>) -> Option<Person> {
    // SAFETY: a plain call of the server inside a transaction: what this transaction has written so far shall be seen, too.
    unsafe { pg_sys::CommandCounterIncrement() };
    let _now = FreshSnapshot::begin();
    let mut person = Person::default();
    let find = || {
        Some([
            Place::find(&SUBSCRIPTIONS)?,
            Place::find(&CHANNELS)?,
            Place::find(&PEOPLE)?,
        ])
    };
    let (state, places) = PLACES.with(|places| places.get(find));
    let [subscriptions, channels, people] = places.as_ref().as_ref()?;
    let mut for_this_type = None;
    let key = [event_type.into_datum()?, user.into_datum()?];
    subscriptions.row(state, &key, |row| {
        let filters = row.element(2, pg_sys::JSONBOID);
        let matches = filters.is_some_and(|filters| json::contains(payload, filters));
        person.subscription_id = row.get(0);
        person.subscription = Subscription::of(true, row.get(1).unwrap_or(false), matches);
        for_this_type = row.get::<bool>(3);
    })?;
    let mut by_default = None;
    channels.row(state, &key[1..], |row| by_default = row.get::<bool>(0))?;
    person.is_enabled = for_this_type.or(by_default).unwrap_or(false);
    people.row(state, &key[1..], |row| {
        person.phone_number = row.get(0);
        person.is_verified = row.get(1).unwrap_or(false);
        person.is_invalid = row.has(2);
        person.is_opted_out = row.get(3).unwrap_or(false);
        person.zone = row.get(4);
        person.quiet_hours = row.get(5).zip(row.get(6));
        person.urgent_passes = row.get(7).unwrap_or(false) && row.get(8).unwrap_or(false);
    })?;
    Some(person)
}
