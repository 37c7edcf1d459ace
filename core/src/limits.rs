//! Limits: how many texts a person may be sent in a day and in an hour. One text at a time; for many at once
//! `sql/queries/limits.sql` says the same, and a test compares both (`pg_test/sql/claim_one.sql`).
//!
//! Times are microseconds.

const HOUR: i64 = 3_600_000_000;

/// How many texts somebody has been sent, and when that count was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Texts.
    pub texts: i32,
    /// Since when they are counted.
    pub since: i64,
}

impl Count {
    /// The texts of the day that `began` then and `ends` then, by the person's own clock.
    pub const fn of_day(self, began: i64, ends: i64) -> Option<i32> {
        if began <= self.since && self.since < ends {
            Some(self.texts)
        } else {
            None
        }
    }

    /// The texts of the hour that it is `at` a time, by UTC.
    pub const fn of_hour(self, at: i64) -> Option<i32> {
        if self.since.div_euclid(HOUR) == at.div_euclid(HOUR) {
            Some(self.texts)
        } else {
            None
        }
    }
}

/// Whether one more fits beside those `used` (`None`: none yet, the count is of another time); `most` is `None` without a limit.
pub fn has_room(used: Option<i32>, most: Option<i32>) -> bool {
    most.is_none_or(|most| used.unwrap_or(0) < most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COUNT: Count = Count {
        texts: 7,
        since: 10 * HOUR,
    };

    #[test]
    fn a_count_is_of_the_day_it_was_begun_in() {
        assert_eq!(COUNT.of_day(10 * HOUR, 34 * HOUR), Some(7));
        assert_eq!(COUNT.of_day(10 * HOUR + 1, 34 * HOUR), None);
        assert_eq!(COUNT.of_day(-14 * HOUR, 10 * HOUR), None);
        assert_eq!(COUNT.of_day(-14 * HOUR, 10 * HOUR + 1), Some(7));
    }

    #[test]
    fn a_count_is_of_the_hour_it_was_begun_in() {
        assert_eq!(COUNT.of_hour(10 * HOUR), Some(7));
        assert_eq!(COUNT.of_hour(11 * HOUR - 1), Some(7));
        assert_eq!(COUNT.of_hour(11 * HOUR), None);
        assert_eq!(COUNT.of_hour(10 * HOUR - 1), None);
        let before = Count { since: -1, ..COUNT };
        assert_eq!(before.of_hour(-HOUR), Some(7));
        assert_eq!(before.of_hour(0), None);
    }

    #[test]
    fn the_last_one_fits_and_the_next_does_not() {
        assert!(has_room(Some(6), Some(7)));
        assert!(!has_room(Some(7), Some(7)));
        assert!(has_room(None, Some(1)));
        assert!(!has_room(None, Some(0)));
        assert!(has_room(Some(i32::MAX), None));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_limit(most in 0_i32..50, tries in 0_usize..100) {
            let mut sent = 0;
            for _ in 0..tries {
                if has_room(Some(sent), Some(most)) {
                    sent += 1;
                }
            }
            prop_assert_eq!(sent, most.min(i32::try_from(tries).unwrap()));
        }
    }
}
