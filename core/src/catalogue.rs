//! Twilio's error codes and what each of them asks for: the data of `core/data/twilio_error_codes.csv`.
//!
//! The codes are Twilio's (<https://www.twilio.com/docs/api/errors>); delays, limits and actions are pg_herald's own.
//! One row per code and never a range, so that no row can shadow another. A field of the file holds no comma and no
//! quote, so a row is split at its commas.

use std::sync::LazyLock;

use crate::words::words;

words! {
    /// Whether the cause goes away by itself.
    Permanence ("permanence") {
        /// The same request would fail again until somebody changes something.
        Permanent = "permanent",
        /// It may succeed later.
        Temporary = "temporary",
        /// It may have succeeded already.
        Ambiguous = "ambiguous",
        /// Not about one text.
        NotApplicable = "not_applicable",
    }
}

words! {
    /// What is done with the text next.
    Retry ("retry rule") {
        /// It is given up.
        Never = "never",
        /// One more attempt after the base delay.
        Once = "once",
        /// More attempts, each after a longer delay ([`crate::backoff::delay_seconds`]).
        Backoff = "backoff",
        /// Another attempt after the next 00:00 in America/Los_Angeles.
        DailyReset = "daily_reset",
        /// Another attempt when the recipient's quiet hours are over.
        QuietHoursEnd = "quiet_hours_end",
        /// A breaker opens for the scope; texts wait until it closes and keep their attempts.
        Stop = "stop",
        /// First find out what Twilio has; then another attempt if there is none.
        Reconcile = "reconcile",
        /// Not about one text.
        NotApplicable = "not_applicable",
    }
}

words! {
    /// What the error says something about, beyond the one text.
    Scope ("scope") {
        /// Only this text.
        Message = "message",
        /// Every text to this number.
        Number = "number",
        /// Every text to this country.
        Country = "country",
        /// Every text from this sender or Messaging Service.
        Sender = "sender",
        /// Everything the account does.
        Account = "account",
    }
}

words! {
    /// How much attention it asks for.
    Severity ("severity") {
        /// Ordinary.
        Low = "low",
        /// Worth a look.
        Medium = "medium",
        /// A sender or a country is at a standstill, or soon will be.
        High = "high",
        /// Nothing goes out.
        Critical = "critical",
    }
}

words! {
    /// What pg_herald does besides the retry rule.
    Action ("action") {
        /// Nothing.
        None = "none",
        /// Record the number as opted out and cancel what waits for it.
        OptOut = "opt_out",
        /// Record that the number cannot be reached; it must be verified again.
        MarkNumber = "mark_number",
        /// Pause the scope and alert once: until it is resumed, or for the delay if the rule is `backoff`.
        PauseScope = "pause_scope",
        /// Ask Twilio what it has, because a report was lost or is in doubt.
        Reconcile = "reconcile",
    }
}

/// One of Twilio's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number, as in <https://www.twilio.com/docs/api/errors>.
    pub code: i32,
    /// Where it is seen: `request` (with the HTTP status where Twilio states it, as in `request 400`), `callback`,
    /// `request or callback`, `inbound`, `debugger`, `verify`, `lookup`.
    pub surface: &'static str,
    /// What happened, for people.
    pub meaning: &'static str,
    /// Group for reports, for example `invalid_number` or `rate_limit`.
    pub category: &'static str,
    /// Whether the cause goes away by itself.
    pub permanence: Permanence,
    /// What is done with the text.
    pub retry: Retry,
    /// First delay in seconds; 0 where the retry rule has no delay of its own.
    pub base_delay_seconds: i32,
    /// Longest delay in seconds; 0 where the retry rule has no delay of its own.
    pub max_delay_seconds: i32,
    /// The most further attempts because of this code; `None` leaves it to the policy of the event type.
    pub max_attempts: Option<i32>,
    /// Whether the failed attempt counts against the text's limit of attempts.
    pub counts_attempt: bool,
    /// What else is concerned.
    pub scope: Scope,
    /// How much attention it asks for.
    pub severity: Severity,
    /// What pg_herald does besides.
    pub action: Action,
    /// What a person should do, for people.
    pub advice: &'static str,
}

const FILE: &str = include_str!("../data/twilio_error_codes.csv");

/// A row that cannot be read is left out; a test reads every one.
static CODES: LazyLock<Vec<ErrorCode>> = LazyLock::new(|| rows().filter_map(parse).collect());

/// Every code, ascending.
pub fn all() -> &'static [ErrorCode] {
    &CODES
}

/// The entry of one code; `None` for codes that are not in the catalogue.
pub fn lookup(code: i32) -> Option<&'static ErrorCode> {
    let position = CODES.binary_search_by_key(&code, |entry| entry.code).ok()?;
    CODES.get(position)
}

fn rows() -> impl Iterator<Item = &'static str> {
    FILE.lines().skip(1)
}

fn parse(row: &'static str) -> Option<ErrorCode> {
    let fields: Vec<&str> = row.split(',').collect();
    let [
        code,
        surface,
        meaning,
        category,
        permanence,
        retry,
        base_delay,
        max_delay,
        max_attempts,
        counts_attempt,
        scope,
        severity,
        action,
        advice,
    ] = fields[..]
    else {
        return None;
    };
    let max_attempts = match max_attempts {
        "" => None,
        number => Some(number.parse().ok()?),
    };
    Some(ErrorCode {
        code: code.parse().ok()?,
        surface,
        meaning,
        category,
        permanence: permanence.parse().ok()?,
        retry: retry.parse().ok()?,
        base_delay_seconds: base_delay.parse().ok()?,
        max_delay_seconds: max_delay.parse().ok()?,
        max_attempts,
        counts_attempt: counts_attempt.parse().ok()?,
        scope: scope.parse().ok()?,
        severity: severity.parse().ok()?,
        action: action.parse().ok()?,
        advice,
    })
}

#[cfg(test)]
mod tests;
