//! Quiet hours: when a person may be texted, in the time that the clock on their wall shows.
//!
//! Instants are seconds since 1970 in UTC; whoever calls brings the time zone. A moment is quiet if the wall clock of that
//! very moment lies in the range, start included and end not. So a day on which clocks are moved needs no rule of its own:
//! an hour that is skipped is never quiet, an hour that comes twice is quiet twice.

const DAY: i64 = 86_400;

/// More changes of a zone's offset than this within one search mean that something is wrong with the zone.
const MOST_CHANGES: usize = 100;

/// A zone's offset over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Seconds that the wall clock is ahead of UTC.
    pub offset: i64,
    /// When the offset changes next; `None` = never again.
    pub until: Option<i64>,
}

/// A time zone.
pub trait Zone {
    /// The offset at an instant, and how long it holds.
    fn span(&self, at: i64) -> Span;
}

/// The hours of a day in which a person wants to be left alone. Equal start and end: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    start: i64,
    end: i64,
}

/// How a text is let go at the end of quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// A text that has less than this many seconds until quiet hours begin waits for their end. Never more than a quarter
    /// of the time that is open.
    pub minimum: i64,
    /// The end of quiet hours is spread over this many seconds, so that not everybody is texted in the same second. Never
    /// more than a quarter of the time that is open.
    pub spread: i64,
    /// Picks the point in the spread: the same for the same person.
    pub seed: u64,
}

impl QuietHours {
    /// From seconds since midnight, by the wall clock; 24:00 is 00:00.
    pub fn new(start: i64, end: i64) -> Self {
        Self {
            start: start.rem_euclid(DAY),
            end: end.rem_euclid(DAY),
        }
    }

    /// Whether there are no quiet hours at all.
    pub const fn is_none(self) -> bool {
        self.start == self.end
    }

    /// Whether a wall clock that shows this (in seconds, on whatever day) is in quiet hours.
    pub const fn covers(self, wall: i64) -> bool {
        let time = wall.rem_euclid(DAY);
        if self.start <= self.end {
            self.start <= time && time < self.end
        } else {
            self.start <= time || time < self.end
        }
    }

    /// The first instant, from `at` on, that is not quiet.
    pub fn ends(self, at: i64, zone: &impl Zone) -> Option<i64> {
        self.first(at, zone, false)
    }

    /// The first instant, from `at` on, that is quiet; `None` if there are no quiet hours.
    pub fn begins(self, at: i64, zone: &impl Zone) -> Option<i64> {
        if self.is_none() {
            return None;
        }
        self.first(at, zone, true)
    }

    /// When a text that is due at `at` may go: then, or some time after quiet hours end.
    pub fn opens(self, at: i64, zone: &impl Zone, release: Release) -> Option<i64> {
        if self.is_none() {
            return Some(at);
        }
        let mut open = self.ends(at, zone)?;
        if open == at {
            let usual = DAY - (self.end - self.start).rem_euclid(DAY);
            let close = self.begins(at, zone)?;
            if close - at >= release.minimum.min(usual / 4) {
                return Some(at);
            }
            open = self.ends(close, zone)?;
        }
        let length = self.begins(open, zone)? - open;
        let spread = release.spread.min(length / 4).max(0);
        let point = i64::try_from(scatter(release.seed) >> 1).unwrap_or(0) % (spread + 1);
        Some(open + point)
    }

    fn first(self, at: i64, zone: &impl Zone, quiet: bool) -> Option<i64> {
        let mut from = at;
        for _ in 0..MOST_CHANGES {
            let span = zone.span(from);
            let wall = from + span.offset;
            if self.covers(wall) == quiet {
                return Some(from);
            }
            let edge = if quiet { self.start } else { self.end };
            let found = from + (edge - wall).rem_euclid(DAY);
            match span.until {
                Some(change) if change <= found => from = change,
                _ => return Some(found),
            }
        }
        None
    }
}

/// When the day that the wall clock shows at `at` began, or, with `days`, that many days later.
pub fn day_start(at: i64, days: i64, zone: &impl Zone) -> i64 {
    let midnight = ((at + zone.span(at).offset).div_euclid(DAY) + days) * DAY;
    // No zone is further than a day from another: from here on the day has not begun yet.
    let mut from = midnight - 2 * DAY;
    for _ in 0..MOST_CHANGES {
        let span = zone.span(from);
        let begins = from.max(midnight - span.offset);
        match span.until {
            Some(change) if change <= begins => from = change,
            _ => return begins,
        }
    }
    midnight
}

/// Whether this can be the name of a zone of the IANA database. Postgres also reads things like `UTC+5` as a zone, with the
/// sign of POSIX, which is the opposite of what people mean.
pub fn is_zone_name(name: &str) -> bool {
    const WITH_DIGITS: [&str; 7] = [
        "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0",
    ];
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    name.split('/').all(plain)
        && (name.contains('/')
            || !name.contains(|c: char| c.is_ascii_digit())
            || WITH_DIGITS.contains(&name))
}

/// A number of which every bit depends on every bit of the seed.
pub const fn scatter(seed: u64) -> u64 {
    // The finaliser of SplitMix64.
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
