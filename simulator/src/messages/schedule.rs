//! `SendAt`: messages that wait for their time.
//!
//! Source: <https://www.twilio.com/docs/messaging/features/message-scheduling>.

use chrono::{DateTime, Duration, Utc};

use crate::error::ApiError;
use crate::form::Form;
use crate::simulator::Simulator;
use crate::status::TwilioStatus;

const MIN_AHEAD: Duration = Duration::seconds(300);
const MAX_SCHEDULED: u64 = 500_000;
const MAX_AHEAD: Duration = Duration::days(35);

/// When a message that came at `now` is to leave; `None`: at once. Without a Messaging Service, Twilio drops `SendAt` silently and the text goes out at once.
pub(super) fn read(
    form: &Form,
    service: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, ApiError> {
    let send_at = form.filled("SendAt");
    let schedule_type = form.filled("ScheduleType");
    if service.is_none() || (send_at.is_none() && schedule_type.is_none()) {
        return Ok(None);
    }
    if schedule_type != Some("fixed") {
        return Err(ApiError::bad_request(
            35126,
            "'ScheduleType' must be fixed when 'SendAt' is given",
        ));
    }
    let text = send_at.ok_or_else(|| ApiError::bad_request(35111, "'SendAt' is missing"))?;
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let window = now + MIN_AHEAD..=now + MAX_AHEAD;
    match time {
        Ok(time) if window.contains(&time) => Ok(Some(time)),
        _ => {
            let message = format!(
                "'SendAt' {text} is not an ISO 8601 time between 300 seconds and 35 days ahead"
            );
            Err(ApiError::bad_request(35114, message))
        }
    }
}

/// Whether one more message may wait.
pub(super) fn check_room(simulator: &Simulator) -> Result<(), ApiError> {
    let waiting = simulator.store().in_status(TwilioStatus::Scheduled);
    if waiting < MAX_SCHEDULED {
        return Ok(());
    }
    let message = format!("{waiting} messages are scheduled already; the limit is {MAX_SCHEDULED}");
    Err(ApiError::bad_request(35125, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Option<&str> = Some("MG00000000000000000000000000000001");

    fn schedule(service: Option<&str>, send_at: &str, schedule_type: &str) -> Result<bool, i32> {
        let pairs = [("SendAt", send_at), ("ScheduleType", schedule_type)];
        let form = Form(
            pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
        );
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        read(&form, service, now)
            .map(|time| time.is_some())
            .map_err(|error| error.code)
    }

    #[test]
    fn the_window_is_300_seconds_to_35_days() {
        assert_eq!(schedule(SERVICE, "2026-11-22T12:05:00Z", "fixed"), Ok(true));
        assert_eq!(
            schedule(SERVICE, "2026-12-27T13:00:00+01:00", "fixed"),
            Ok(true)
        );
        assert_eq!(
            schedule(SERVICE, "2026-11-22T12:04:59Z", "fixed"),
            Err(35114)
        );
        assert_eq!(
            schedule(SERVICE, "2026-12-27T12:00:01Z", "fixed"),
            Err(35114)
        );
        assert_eq!(schedule(SERVICE, "tomorrow", "fixed"), Err(35114));
    }

    #[test]
    fn type_and_time_belong_together() {
        assert_eq!(schedule(SERVICE, "", ""), Ok(false));
        assert_eq!(schedule(SERVICE, "", "fixed"), Err(35111));
        assert_eq!(schedule(SERVICE, "2026-11-22T13:00:00Z", ""), Err(35126));
    }

    #[test]
    fn without_a_service_it_is_dropped() {
        assert_eq!(schedule(None, "2026-11-22T13:00:00Z", "fixed"), Ok(false));
        assert_eq!(schedule(None, "", "fixed"), Ok(false));
    }
}
