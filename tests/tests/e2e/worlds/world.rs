//! Random worlds: people, what they want, what happens, and what changes in between.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore};
use serde::Serialize;
use uuid::Uuid;

/// Zones with and without summer time, with odd offsets, and two that do not exist.
const ZONES: [&str; 12] = [
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Mars/Olympus",
    "UTC+5",
];

/// A person with everything that is stored about them; the columns have the names of the fields.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person {
    pub(crate) user_id: Uuid,
    pub(crate) is_admin: bool,
    /// What the application says of the zone.
    pub(crate) app_zone: Option<&'static str>,
    /// NULL: there is no row of channel switches.
    pub(crate) sms_enabled: Option<bool>,
    pub(crate) max_per_day: Option<i32>,
    pub(crate) max_per_hour: Option<i32>,
    /// False: there is no row of text preferences, and what follows is not stored.
    pub(crate) has_texts: bool,
    pub(crate) phone_number: Option<String>,
    pub(crate) phone_verified: bool,
    pub(crate) phone_invalid_reason: Option<&'static str>,
    pub(crate) opted_out: bool,
    pub(crate) timezone: Option<&'static str>,
    /// Quarters of an hour since midnight.
    pub(crate) quiet_start: u32,
    pub(crate) quiet_end: u32,
    pub(crate) urgent_alerts: bool,
    pub(crate) urgent_bypass: bool,
    pub(crate) daily_limit: i32,
    pub(crate) day_count: i32,
    pub(crate) hour_count: i32,
    /// How long ago the counts began anew, in minutes.
    pub(crate) count_age: i32,
}

/// An event type of a world.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Type {
    pub(crate) event_type: String,
    pub(crate) is_active: bool,
    pub(crate) admin_only: bool,
    pub(crate) channels: Vec<&'static str>,
    pub(crate) default_priority: &'static str,
    pub(crate) expires_after: Option<i32>,
    pub(crate) max_per_user: Option<i32>,
    pub(crate) over_limit: &'static str,
}

/// Who wants to hear of a type.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Subscription {
    pub(crate) user_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) is_active: bool,
    pub(crate) sms_enabled: Option<bool>,
    /// Only events from this city.
    pub(crate) city: Option<&'static str>,
}

/// One call of emit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Place in the batch.
    pub(crate) place: usize,
    pub(crate) event_type: String,
    pub(crate) target: Option<Uuid>,
    pub(crate) priority: Option<&'static str>,
    pub(crate) city: &'static str,
    /// Minutes from now.
    pub(crate) scheduled: Option<i32>,
    pub(crate) expires: Option<i32>,
}

/// What happens between emit and claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Stop,
    NoLongerVerified,
    SwitchedOff,
    Unsubscribed,
    SubscriptionGone,
    TypeOff,
    NewNumber,
    NewHours(u32, u32),
    EventsCancelled,
}

/// People who know each other, one type, and what happens.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) kind: Type,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) events: Vec<Event>,
    pub(crate) change: Option<Change>,
}

fn chance(random: &mut SmallRng, percent: u32) -> bool {
    random.random_range(0..100) < percent
}

fn maybe<T>(
    random: &mut SmallRng,
    percent: u32,
    value: impl FnOnce(&mut SmallRng) -> T,
) -> Option<T> {
    if chance(random, percent) {
        Some(value(random))
    } else {
        None
    }
}

fn pick<T: Copy>(random: &mut SmallRng, values: &[T]) -> T {
    *values.choose(random).expect("there are values")
}

/// A number that nobody else has.
pub(crate) fn number(random: &mut SmallRng, country: &str) -> String {
    format!(
        "{country}{:012}",
        random.next_u64() % 900_000_000_000 + 100_000_000_000
    )
}

fn person(random: &mut SmallRng) -> Person {
    let country = pick(random, &["+1", "+1", "+44", "+49"]);
    let phone_number = maybe(random, 95, |random| number(random, country));
    let quiet_start = random.random_range(0..96);
    let phone_verified = phone_number.is_some() && chance(random, 92);
    let sms_enabled = maybe(random, 95, |random| chance(random, 92));
    let has_row = sms_enabled.is_some();
    Person {
        user_id: Uuid::from_u128(random.random()),
        is_admin: chance(random, 50),
        app_zone: maybe(random, 50, |random| pick(random, &ZONES[..10])),
        sms_enabled,
        max_per_day: maybe(random, 20, |random| random.random_range(0..4)).filter(|_| has_row),
        max_per_hour: maybe(random, 20, |random| random.random_range(0..4)).filter(|_| has_row),
        has_texts: chance(random, 95),
        phone_verified,
        phone_invalid_reason: maybe(random, 30, |_| "twilio_21211").filter(|_| !phone_verified),
        phone_number,
        opted_out: chance(random, 5),
        timezone: maybe(random, 75, |random| pick(random, &ZONES)),
        quiet_start,
        quiet_end: if chance(random, 35) {
            quiet_start
        } else {
            random.random_range(0..96)
        },
        urgent_alerts: chance(random, 85),
        urgent_bypass: chance(random, 85),
        daily_limit: pick(random, &[0, 1, 2, 3, 10, 10, 10]),
        day_count: pick(random, &[0, 0, 1, 2, 9]),
        hour_count: pick(random, &[0, 0, 1, 2]),
        count_age: pick(random, &[0, 0, 30, 90, 60 * 20, 60 * 50]),
    }
}

/// A world; `places` counts the events of a batch.
pub(crate) fn world(random: &mut SmallRng, places: &mut usize) -> World {
    let people: Vec<Person> = (0..random.random_range(1..=3))
        .map(|_| person(random))
        .collect();
    let kind = Type {
        event_type: format!("world.t{:x}", random.next_u64()),
        is_active: chance(random, 95),
        admin_only: chance(random, 15),
        channels: if chance(random, 15) {
            vec!["sms", "email"]
        } else {
            vec!["sms"]
        },
        default_priority: pick(random, &["urgent", "high", "normal", "low"]),
        expires_after: maybe(random, 25, |random| random.random_range(1..1200)),
        max_per_user: maybe(random, 30, |random| random.random_range(0..3)),
        over_limit: pick(random, &["defer", "suppress"]),
    };
    let mut subscriptions = Vec::new();
    for person in &people {
        if chance(random, 85) {
            subscriptions.push(Subscription {
                user_id: person.user_id,
                event_type: kind.event_type.clone(),
                is_active: chance(random, 92),
                sms_enabled: maybe(random, 20, |random| chance(random, 50)),
                city: maybe(random, 20, |_| "Oslo"),
            });
        }
    }
    let events = (0..random.random_range(1..=4))
        .map(|_| {
            *places += 1;
            Event {
                place: *places,
                event_type: kind.event_type.clone(),
                target: maybe(random, 60, |random| {
                    people.choose(random).expect("somebody").user_id
                }),
                priority: maybe(random, 40, |random| {
                    pick(random, &["urgent", "high", "normal", "low"])
                }),
                city: pick(random, &["Oslo", "Rome"]),
                scheduled: maybe(random, 15, |random| random.random_range(-60..600)),
                expires: maybe(random, 20, |random| random.random_range(1..900)),
            }
        })
        .collect();
    let change = maybe(random, 50, |random| {
        let hours = (random.random_range(0..96), random.random_range(0..96));
        pick(
            random,
            &[
                Change::Stop,
                Change::NoLongerVerified,
                Change::SwitchedOff,
                Change::Unsubscribed,
                Change::SubscriptionGone,
                Change::TypeOff,
                Change::NewNumber,
                Change::NewHours(hours.0, hours.1),
                Change::EventsCancelled,
            ],
        )
    });
    World {
        people,
        kind,
        subscriptions,
        events,
        change,
    }
}
