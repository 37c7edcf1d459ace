//! What the tables say of one person and one event type, read by keys without a statement.

use herald_core::gate::{self, Facts, Refusal, Subscription};
use herald_core::priority::Priority;
use pgrx::datum::{AnyElement, Uuid};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::decided::SMS;
use crate::direct::Known;
use crate::direct::read::{Place, Table};
use crate::json;
use crate::query::FreshSnapshot;
use crate::quiet::herald_open_at;
use crate::registry::EventType;

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
    columns: &[
        (c"sms_enabled", pg_sys::BOOLOID),
        (c"max_per_day", pg_sys::INT4OID),
        (c"max_per_hour", pg_sys::INT4OID),
    ],
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
    /// How many texts in a day they want.
    pub most_per_day: Option<i32>,
    /// How many texts in an hour they want.
    pub most_per_hour: Option<i32>,
}

/// A text that somebody wants to send to a person.
pub struct Wanted {
    /// What the person's subscription says of it.
    pub subscription: Subscription,
    /// How urgent it is.
    pub priority: Priority,
    /// Not before this time (microseconds, as all times here).
    pub due_at: i64,
    /// Not after this time.
    pub expires_at: Option<i64>,
}

/// The gate's word on a text.
pub struct Verdict {
    /// From when on quiet hours let it go; `None`: that cannot be known.
    pub open_at: Option<i64>,
    /// Why it does not go.
    pub refusal: Option<Refusal>,
}

/// Quiet hours depend on where the person is, and only the application may know.
pub struct UnknownZone;

impl Person {
    /// Asks the gate about a text that is not for administrators alone. `zone` is where the person is.
    pub fn gate(
        &self,
        user: Uuid,
        zone: Option<&str>,
        rules: &EventType,
        wanted: &Wanted,
    ) -> Result<Verdict, UnknownZone> {
        let open_at = self.open_at(user, zone, rules, wanted)?;
        let facts = Facts {
            is_cancelled: false,
            is_type_active: rules.is_active,
            subscription: wanted.subscription,
            is_in_audience: true,
            channel: SMS,
            is_channel_enabled: self.is_enabled,
            phone_number: self.phone_number.as_deref(),
            is_verified: self.is_verified,
            is_invalid: self.is_invalid,
            is_opted_out: self.is_opted_out,
            due_at: wanted.due_at,
            expires_at: wanted.expires_at,
            open_at,
        };
        let is_allowed = |number: &str| {
            let mut prefixes = rules.prefixes.iter();
            prefixes.any(|prefix| number.starts_with(prefix))
        };
        let refusal = gate::refusal(&facts, is_allowed);
        Ok(Verdict { open_at, refusal })
    }

    /// That quiet hours do not hold back a text of this priority, whatever the time.
    pub fn takes_always(&self, priority: Priority) -> bool {
        self.quiet_hours.is_none_or(|(start, end)| start == end)
            || priority == Priority::Urgent && self.urgent_passes
    }

    /// See `sql/queries/open_at.sql`.
    fn open_at(
        &self,
        user: Uuid,
        zone: Option<&str>,
        rules: &EventType,
        wanted: &Wanted,
    ) -> Result<Option<i64>, UnknownZone> {
        let Some((start, end)) = self.quiet_hours else {
            return Ok(None);
        };
        let due_at = wanted.due_at;
        if self.takes_always(wanted.priority) {
            return Ok(Some(due_at));
        }
        let (Some(zone), Some(minimum), Some(spread)) = (zone, rules.minimum, rules.spread) else {
            return Err(UnknownZone);
        };
        let open_at = herald_open_at(due_at, start, end, zone, minimum, spread, user);
        Ok(Some(open_at))
    }
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
    channels.row(state, &key[1..], |row| {
        by_default = row.get::<bool>(0);
        person.most_per_day = row.get(1);
        person.most_per_hour = row.get(2);
    })?;
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
