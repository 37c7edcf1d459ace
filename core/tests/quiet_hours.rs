//! Quiet hours on all zones of the IANA database, against a model that knows nothing but the wall clock of each minute.

#![allow(clippy::expect_used)] // A test may.

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use chrono_tz::{TZ_VARIANTS, Tz};
use herald_core::quiet_hours::{QuietHours, Release, Span, Zone, day_start, is_zone_name};
use proptest::prelude::*;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// No zone moves its clocks twice in this time.
const STEP: i64 = 6 * 3600;
/// 2024 from its first to its last second in UTC: a leap year, and long enough ago for everybody's zone data to agree on.
const YEAR: std::ops::Range<i64> = 1_704_067_200..1_735_689_600;

/// A zone of chrono-tz. It looks for the next change of the offset by trying, at most three days ahead.
struct Iana(Tz);

impl Iana {
    fn offset(&self, at: i64) -> i64 {
        let utc = instant(at);
        self.0
            .offset_from_utc_datetime(&utc)
            .fix()
            .local_minus_utc()
            .into()
    }
}

impl Zone for Iana {
    fn span(&self, at: i64) -> Span {
        let offset = self.offset(at);
        let changed = (1..=12)
            .map(|step| at + step * STEP)
            .find(|&later| self.offset(later) != offset);
        let until = changed.map(|changed| {
            let (mut before, mut after) = (changed - STEP, changed);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if self.offset(middle) == offset {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            after
        });
        Span {
            offset,
            // Something may change later than we looked: then it is asked again from there.
            until: Some(until.unwrap_or(at + 12 * STEP)),
        }
    }
}

fn instant(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0)
        .expect("a time of this century")
        .naive_utc()
}

/// Whether the wall clock shows a time of the range.
fn is_quiet(zone: Tz, at: i64, start: i64, end: i64) -> bool {
    let wall = zone.from_utc_datetime(&instant(at));
    let time = i64::from(wall.time().num_seconds_from_midnight());
    match start.cmp(&end) {
        std::cmp::Ordering::Equal => false,
        std::cmp::Ordering::Less => (start..end).contains(&time),
        std::cmp::Ordering::Greater => time >= start || time < end,
    }
}

/// The first whole minute from `at` on that is quiet, or not.
fn first_minute(zone: Tz, at: i64, start: i64, end: i64, quiet: bool) -> Option<i64> {
    (0..=3 * 24 * 60)
        .map(|minute| at + minute * MINUTE)
        .find(|&at| is_quiet(zone, at, start, end) == quiet)
}

fn agrees(zone: Tz, at: i64, start: i64, end: i64) {
    let hours = QuietHours::new(start, end);
    let context = || format!("{zone} {} {start}..{end}", instant(at));
    assert_eq!(
        hours.ends(at, &Iana(zone)),
        first_minute(zone, at, start, end, false),
        "end, {}",
        context()
    );
    assert_eq!(
        hours.begins(at, &Iana(zone)),
        first_minute(zone, at, start, end, true),
        "begin, {}",
        context()
    );
}

fn zone() -> impl Strategy<Value = Tz> {
    (0..TZ_VARIANTS.len()).prop_map(|place| TZ_VARIANTS[place])
}

fn minute_of_day() -> impl Strategy<Value = i64> {
    (0..24 * 60_i64).prop_map(|minute| minute * MINUTE)
}

fn minute_of_year() -> impl Strategy<Value = i64> {
    (0..366 * 24 * 60_i64).prop_map(|minute| YEAR.start + minute * MINUTE)
}

/// Every zone, around every change of its clocks in the year: before, in and after what is skipped or comes twice.
#[test]
fn every_change_of_every_zone() {
    let mut changes = 0;
    for zone in TZ_VARIANTS {
        let mut at = YEAR.start;
        while let Some(change) = Iana(zone).span(at).until.filter(|&at| at < YEAR.end) {
            at = change;
            let moved = Iana(zone).offset(change) - Iana(zone).offset(change - 1);
            if moved == 0 {
                continue;
            }
            changes += 1;
            let wall = (change + Iana(zone).offset(change - 1)).rem_euclid(DAY);
            for end in [-60, -30, 0, 20, 60].map(|minutes| wall + minutes * MINUTE) {
                for from in [-7200, -60, 0, 1800] {
                    agrees(
                        zone,
                        change + from,
                        (end - 4 * 3600).rem_euclid(DAY),
                        end.rem_euclid(DAY),
                    );
                }
            }
        }
    }
    assert!(
        changes > 250,
        "only {changes} changes of clocks in {} zones",
        TZ_VARIANTS.len()
    );
}

#[test]
fn names_of_zones() {
    for zone in TZ_VARIANTS {
        assert!(is_zone_name(zone.name()), "{}", zone.name());
    }
    for other in [
        "",
        "UTC+5",
        "GMT+5",
        "<+03>-3",
        "Foo5Bar",
        "Foo5Bar,M3.2.0,M11.1.0",
        "/etc/localtime",
        "../UTC",
        "Europe/",
        "Europe//Paris",
        ":UTC",
        "Europe/Paris ",
        "+05",
    ] {
        assert!(!is_zone_name(other), "{other:?}");
    }
}

#[test]
fn shape_of_the_range() {
    let overnight = QuietHours::new(21 * 3600, 8 * 3600);
    assert!(overnight.covers(21 * 3600) && overnight.covers(0) && overnight.covers(8 * 3600 - 1));
    assert!(!overnight.covers(8 * 3600) && !overnight.covers(21 * 3600 - 1));
    assert!(overnight.covers(-1) && overnight.covers(7 * DAY));
    let noon = QuietHours::new(12 * 3600, 13 * 3600);
    assert!(noon.covers(12 * 3600) && !noon.covers(13 * 3600) && !noon.covers(0));
    for none in [QuietHours::new(5, 5), QuietHours::new(0, DAY)] {
        assert!(none.is_none());
        assert!((0..DAY).all(|second| !none.covers(second)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_wall_clock(zone in zone(), at in minute_of_year(), start in minute_of_day(), end in minute_of_day()) {
        agrees(zone, at, start, end);
    }

    /// A text is never let go in quiet hours, never too shortly before them, never before it is due, and not later than the
    /// spread allows; and once it was told when, it may go then.
    #[test]
    fn what_opens_is_open(zone in zone(), at in minute_of_year(), start in minute_of_day(), end in minute_of_day(),
                          minimum in 0..3600_i64, spread in 0..14_400_i64, seed in any::<u64>()) {
        let hours = QuietHours::new(start, end);
        let release = Release { minimum, spread, seed };
        let open = hours.opens(at, &Iana(zone), release).expect("every day has an end");
        prop_assert!(open >= at);
        prop_assert!(!is_quiet(zone, open, start, end));
        if open > at {
            let soon = (0..=minimum).any(|second| is_quiet(zone, at + second, start, end));
            prop_assert!(soon, "held back for nothing");
            // The minute at which quiet hours ended.
            let ended = (0..3 * DAY).map(|back| open - back).find(|&at| is_quiet(zone, at, start, end)).expect("an end") + 1;
            prop_assert!(open - ended <= spread);
            let without = hours.opens(at, &Iana(zone), Release { spread: 0, ..release });
            prop_assert_eq!(without, Some(ended));
        }
        prop_assert_eq!(hours.opens(open, &Iana(zone), Release { minimum: 0, ..release }), Some(open));
        if start == end {
            prop_assert_eq!(open, at);
        }
    }

    /// The day's first second shows the day's date, the one before it another.
    #[test]
    fn days_begin_with_their_date(zone in zone(), at in minute_of_year(), days in 0..3_i64) {
        let date = |at| zone.from_utc_datetime(&instant(at)).date_naive();
        let begin = day_start(at, days, &Iana(zone));
        prop_assert_eq!(date(begin), date(at) + TimeDelta::days(days));
        prop_assert!(date(begin - 1) < date(begin));
        prop_assert!(days > 0 || begin <= at);
    }
}

/// Seeds that follow each other come to points all over the spread.
#[test]
fn the_spread_is_used() {
    let hours = QuietHours::new(0, 8 * 3600);
    for first in [0, 1, u64::from(u32::MAX), u64::MAX - 600] {
        let points: std::collections::BTreeSet<_> = (first..first + 600)
            .filter_map(|seed| {
                let release = Release {
                    minimum: 0,
                    spread: 99,
                    seed,
                };
                hours.opens(YEAR.start, &Iana(Tz::UTC), release)
            })
            .map(|open| open - YEAR.start - 8 * 3600)
            .collect();
        assert!(points.len() > 95 && points.iter().all(|point| (0..100).contains(point)));
    }
}
