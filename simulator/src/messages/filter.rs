//! The filters of the message list.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::list::invalid;
use crate::error::ApiError;
use crate::form::Form;
use crate::store::Message;

/// Which messages a list shows.
#[derive(Debug, Default)]
pub(super) struct Filter {
    to: Option<String>,
    from: Option<String>,
    /// Seconds since 1970, both inclusive. Messages that were not sent yet match no such range.
    sent_between: Option<(i64, i64)>,
}

impl Filter {
    /// Reads `To`, `From`, `DateSent`, `DateSent<` and `DateSent>`; the operators are part of the names.
    pub(super) fn read(query: &Form) -> Result<Self, ApiError> {
        let mut range = None;
        for (name, takes_start, takes_end) in [
            ("DateSent", true, true),
            ("DateSent>", true, false),
            ("DateSent<", false, true),
        ] {
            let Some(text) = query.filled(name) else {
                continue;
            };
            let (first, last) = seconds(text).ok_or_else(|| invalid(name, text))?;
            let (start, end) = range.get_or_insert((i64::MIN, i64::MAX));
            if takes_start {
                *start = first.max(*start);
            }
            if takes_end {
                *end = last.min(*end);
            }
        }
        Ok(Self {
            to: query.filled("To").map(str::to_owned),
            from: query.filled("From").map(str::to_owned),
            sent_between: range,
        })
    }

    /// Whether the list shows this message.
    pub(super) fn matches(&self, message: &Message) -> bool {
        if message.deleted || self.to.as_ref().is_some_and(|to| *to != message.to) {
            return false;
        }
        if self.from.is_some() && self.from != message.from {
            return false;
        }
        let Some((start, end)) = self.sent_between else {
            return true;
        };
        message
            .date_sent
            .is_some_and(|time| (start..=end).contains(&time.timestamp()))
    }
}

/// The first and last second a date (UTC) or a time stands for.
fn seconds(text: &str) -> Option<(i64, i64)> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some((time.timestamp(), time.timestamp()));
    }
    let start = |day: NaiveDate| {
        Some(
            day.and_hms_opt(0, 0, 0)?
                .and_local_timezone(Utc)
                .single()?
                .timestamp(),
        )
    };
    let day: NaiveDate = text.parse().ok()?;
    Some((start(day)?, start(day.checked_add_days(Days::new(1))?)? - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::new_message::NewMessage;
    use crate::status::TwilioStatus;
    use crate::store::Store;

    fn message(date_sent: Option<&str>) -> Message {
        let new = NewMessage::example("+14155550100", None);
        let mut store = Store::default();
        let mut message = store.accept(new, Form::default(), Utc::now()).clone();
        assert_eq!(message.status, TwilioStatus::Accepted);
        message.date_sent = date_sent.map(|time| time.parse().unwrap());
        message
    }

    fn shows(query: &str, message: &Message) -> bool {
        Filter::read(&Form::parse(query.as_bytes()))
            .unwrap()
            .matches(message)
    }

    #[test]
    fn numbers_match_exactly() {
        let message = message(None);
        assert!(shows("", &message));
        assert!(shows("To=%2B14155550100", &message));
        assert!(!shows("To=%2B1415555010", &message));
        assert!(!shows("From=%2B15005550006", &message));
    }

    #[test]
    fn dates_take_in_the_whole_day_and_times_the_second() {
        let message = message(Some("2026-11-22T10:00:00.5Z"));
        let cases = [
            ("DateSent=2026-11-22", true),
            ("DateSent=2026-11-21", false),
            ("DateSent%3E=2026-11-22", true),
            ("DateSent%3E=2026-11-23", false),
            ("DateSent%3C=2026-11-22", true),
            ("DateSent%3C=2026-11-21", false),
            ("DateSent%3E=2026-11-22T10%3A00%3A00Z", true),
            ("DateSent%3E=2026-11-22T10%3A00%3A01Z", false),
            ("DateSent%3C=2026-11-22T11%3A00%3A00%2B01%3A00", true),
            ("DateSent%3E=2026-11-22&DateSent%3C=2026-11-21", false),
        ];
        for (query, expected) in cases {
            assert_eq!(shows(query, &message), expected, "{query}");
        }
    }

    #[test]
    fn a_date_filter_hides_what_was_not_sent_yet() {
        assert!(!shows("DateSent%3E=2000-01-01", &message(None)));
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        let error = Filter::read(&Form::parse(b"DateSent=yesterday")).unwrap_err();
        assert_eq!(error.code, 20422);
    }
}
