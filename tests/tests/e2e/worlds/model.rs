//! What should happen, in plain words: no SQL, no sets, no code of pg_herald's. One text after the other.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::world::{Event, Person, Subscription, Type};

pub(crate) type Instant = DateTime<Utc>;

/// The settings of a batch of worlds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) prefixes: Vec<&'static str>,
    pub(crate) minimum: i64,
    pub(crate) spread: i64,
    pub(crate) caps: HashMap<&'static str, i32>,
}

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Go,
    Suppress(&'static str),
    /// From the first instant on, and at most so many seconds later.
    Defer(&'static str, Instant, i64),
}

/// The zone that counts for a person; `None` if there is no such zone.
fn zone(person: &Person) -> Option<Tz> {
    person
        .timezone
        .or(person.app_zone)
        .unwrap_or("UTC")
        .parse()
        .ok()
}

fn is_quiet(zone: Tz, at: Instant, start: u32, end: u32) -> bool {
    let time = at.with_timezone(&zone).time().num_seconds_from_midnight();
    let (start, end) = (start * 900, end * 900);
    if start <= end {
        start <= time && time < end
    } else {
        time >= start || time < end
    }
}

/// The first instant from `at` on at which it is quiet, or is not: now, or at a full quarter of an hour.
fn first(zone: Tz, at: Instant, start: u32, end: u32, quiet: bool) -> Instant {
    let mut next = at;
    while is_quiet(zone, next, start, end) != quiet {
        let seconds = next.timestamp().div_euclid(900) * 900 + 900;
        next = DateTime::from_timestamp(seconds, 0).expect("a time of this century");
    }
    next
}

/// When quiet hours let a text go: that instant, or the end of quiet hours and the seconds it may be put off beyond it. `None`:
/// nobody can tell.
fn opens(person: &Person, at: Instant, is_urgent: bool, rules: &Rules) -> Option<(Instant, i64)> {
    let (start, end) = (person.quiet_start, person.quiet_end);
    if start == end || is_urgent && person.urgent_alerts && person.urgent_bypass {
        return Some((at, 0));
    }
    let zone = zone(person)?;
    let usual = i64::from(96 - (end + 96 - start) % 96) * 900;
    let mut open = first(zone, at, start, end, false);
    if open == at {
        let close = first(zone, at, start, end, true);
        let left = close.timestamp() - at.timestamp();
        if left >= rules.minimum.min(usual / 4) {
            return Some((at, 0));
        }
        open = first(zone, close, start, end, false);
    }
    let length = (first(zone, open, start, end, true) - open).num_seconds();
    Some((open, rules.spread.min(length / 4)))
}

/// The gate without limits: for one person, on one channel, due at `due`.
#[allow(clippy::too_many_arguments)] // A gate asks many things.
pub(crate) fn gate(
    person: &Person,
    kind: &Type,
    subscription: Option<&Subscription>,
    channel: &str,
    city: Option<&str>,
    priority: &str,
    due: Instant,
    expires: Option<Instant>,
    rules: &Rules,
) -> Decision {
    use Decision::Suppress;
    if !kind.is_active {
        return Suppress("event_type_inactive");
    }
    let Some(subscription) = subscription else {
        return Suppress("not_subscribed");
    };
    if !subscription.is_active {
        return Suppress("unsubscribed");
    }
    if city.is_some_and(|city| subscription.city.is_some_and(|wanted| wanted != city)) {
        return Suppress("filter");
    }
    if kind.admin_only && !person.is_admin {
        return Suppress("not_admin");
    }
    // Nobody here has switched e-mail on.
    let is_on =
        channel == "sms" && (subscription.sms_enabled.or(person.sms_enabled)).unwrap_or(false);
    if !is_on {
        return Suppress("preference");
    }
    let number = match &person.phone_number {
        Some(number) if person.has_texts => number,
        _ => return Suppress("no_phone"),
    };
    if !person.phone_verified {
        return Suppress(if person.phone_invalid_reason.is_some() {
            "invalid_number"
        } else {
            "unverified"
        });
    }
    if person.opted_out {
        return Suppress("opted_out");
    }
    if !rules
        .prefixes
        .iter()
        .any(|prefix| number.starts_with(prefix))
    {
        return Suppress("country_not_allowed");
    }
    let Some((open, slack)) = opens(person, due, priority == "urgent", rules) else {
        return Suppress("unknown_time_zone");
    };
    // With a slack nobody but the database knows the second; worlds with expiry have none.
    if expires.is_some_and(|expires| expires < open + TimeDelta::seconds(1)) {
        return Suppress("expired");
    }
    if open > due {
        Decision::Defer("quiet_hours", open, slack)
    } else {
        Decision::Go
    }
}

/// When an event is due, and until when it is worth a text.
pub(crate) fn times(event: &Event, kind: &Type, now: Instant) -> (Instant, Option<Instant>) {
    let minutes = |minutes: i32| now + TimeDelta::minutes(minutes.into());
    let due = event.scheduled.map_or(now, minutes).max(now);
    let expires = event.expires.map(minutes).or_else(|| {
        kind.expires_after
            .map(|after| due + TimeDelta::minutes(after.into()))
    });
    (due, expires)
}

/// What was counted for one person.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    day: i32,
    day_began: Instant,
    hour: i32,
    hour_began: Instant,
    types: HashMap<String, i32>,
}

/// All counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    people: HashMap<Uuid, Count>,
    caps: HashMap<&'static str, i32>,
    caps_day: Option<NaiveDate>,
}

impl Counts {
    /// What is stored about a person at the beginning.
    pub(crate) fn add(&mut self, person: &Person, began: Instant) {
        let count = Count {
            day: person.day_count,
            day_began: began,
            hour: person.hour_count,
            hour_began: began,
            types: HashMap::new(),
        };
        self.people.insert(person.user_id, count);
    }

    /// The number of a day, as the original system's programs read it.
    pub(crate) fn of_day(&self, user: Uuid) -> Option<i32> {
        self.people.get(&user).map(|count| count.day)
    }

    /// A text that was counted was not sent.
    pub(crate) fn give_back(&mut self, person: &Person, kind: &Type, rules: &Rules) {
        if let Some(count) = self.people.get_mut(&person.user_id) {
            count.day = (count.day - 1).max(0);
            count.hour = (count.hour - 1).max(0);
            if let Some(texts) = count.types.get_mut(&kind.event_type) {
                *texts = (*texts - 1).max(0);
            }
        }
        for prefix in caps_of(person, rules) {
            if let Some(used) = self.caps.get_mut(prefix) {
                *used -= 1;
            }
        }
    }

    /// The limits for a text that the gate lets go; counts it if it goes.
    pub(crate) fn ask(
        &mut self,
        person: &Person,
        kind: &Type,
        is_urgent: bool,
        now: Instant,
        expires: Option<Instant>,
        rules: &Rules,
    ) -> Decision {
        let zone = zone(person).unwrap_or(Tz::UTC);
        let Some(count) = self.people.get_mut(&person.user_id) else {
            return Decision::Suppress("no_phone");
        };
        let same_day = date(count.day_began, zone) == date(now, zone);
        let same_hour =
            count.hour_began.timestamp().div_euclid(3600) == now.timestamp().div_euclid(3600);
        let mut fresh = count.clone();
        if !same_day {
            (fresh.day, fresh.day_began) = (0, now);
            fresh.types.clear();
        }
        if !same_hour {
            (fresh.hour, fresh.hour_began) = (0, now);
        }
        let of_type = fresh.types.get(&kind.event_type).copied().unwrap_or(0);
        let day_limit = person
            .max_per_day
            .map_or(person.daily_limit, |limit| limit.min(person.daily_limit));
        let tomorrow = day_begin(date(now, zone) + Days::new(1), zone);
        let next_hour = DateTime::from_timestamp((now.timestamp().div_euclid(3600) + 1) * 3600, 0)
            .expect("an hour");
        let next_day = day_begin(now.date_naive() + Days::new(1), Tz::UTC);
        let mut stops = vec![
            ("type_limit", kind.max_per_user, of_type, tomorrow),
            ("daily_limit", Some(day_limit), fresh.day, tomorrow),
            ("hourly_limit", person.max_per_hour, fresh.hour, next_hour),
        ];
        for prefix in caps_of(person, rules) {
            let name = if prefix == "+" {
                "global_cap"
            } else {
                "country_cap"
            };
            let is_today = self.caps_day == Some(now.date_naive());
            let used = self
                .caps
                .get(prefix)
                .copied()
                .filter(|_| is_today)
                .unwrap_or(0);
            stops.push((name, rules.caps.get(prefix).copied(), used, next_day));
        }
        for (name, limit, used, room_at) in stops {
            let Some(limit) = limit.filter(|limit| used + 1 > *limit) else {
                continue;
            };
            if kind.over_limit == "suppress" || limit == 0 {
                return Decision::Suppress(name);
            }
            let (open, slack) =
                opens(person, room_at, is_urgent, rules).expect("the gate knew the zone");
            return if expires.is_some_and(|expires| open >= expires) {
                Decision::Suppress("expired")
            } else {
                Decision::Defer(name, open, slack)
            };
        }
        fresh.day += 1;
        fresh.hour += 1;
        if kind.max_per_user.is_some() {
            *fresh.types.entry(kind.event_type.clone()).or_default() += 1;
        }
        *count = fresh;
        if self.caps_day != Some(now.date_naive()) {
            self.caps.clear();
            self.caps_day = Some(now.date_naive());
        }
        for prefix in caps_of(person, rules) {
            *self.caps.entry(prefix).or_default() += 1;
        }
        Decision::Go
    }
}

/// The caps that count for a person, the country's first.
fn caps_of(person: &Person, rules: &Rules) -> Vec<&'static str> {
    let number = person.phone_number.as_deref().unwrap_or("");
    let country = rules
        .caps
        .keys()
        .copied()
        .filter(|prefix| *prefix != "+" && number.starts_with(prefix))
        .max_by_key(|prefix| prefix.len());
    country
        .into_iter()
        .chain(rules.caps.contains_key("+").then_some("+"))
        .collect()
}

fn date(at: Instant, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first instant of a date: midnight, or what comes in its place.
fn day_begin(date: NaiveDate, zone: Tz) -> Instant {
    (0..96)
        .filter_map(|quarter| {
            let wall = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(15 * quarter);
            zone.from_local_datetime(&wall).earliest()
        })
        .next()
        .expect("a date has a beginning")
        .with_timezone(&Utc)
}
