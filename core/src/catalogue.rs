//! Twilio's error codes and what each of them asks for: the data of `core/data/twilio_error_codes.csv`, and of
//! `twilio_error_defaults.csv` for what is not in it.
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
    /// Where an error is seen.
    Surface ("surface") {
        /// In the answer to a request that creates a text.
        Request = "request",
        /// In a status callback, or in what Twilio tells about a text later.
        Callback = "callback",
        /// In an answer of Twilio Verify.
        Verify = "verify",
        /// In an answer of Twilio Lookup.
        Lookup = "lookup",
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
const DEFAULTS_FILE: &str = include_str!("../data/twilio_error_defaults.csv");

/// A row that cannot be read is left out; a test reads every one.
static CODES: LazyLock<Vec<ErrorCode>> = LazyLock::new(|| rows(FILE).filter_map(parse).collect());
static DEFAULTS: LazyLock<Vec<ErrorCode>> =
    LazyLock::new(|| rows(DEFAULTS_FILE).filter_map(parse).collect());

/// Every code, ascending.
pub fn all() -> &'static [ErrorCode] {
    &CODES
}

/// The rules for what no code of the catalogue speaks of, ascending; their numbers are negative and not Twilio's.
pub fn defaults() -> &'static [ErrorCode] {
    &DEFAULTS
}

/// The number of the rule for an error: the code itself if the catalogue has it, otherwise the default (negative) that
/// fits where it was seen, the HTTP status, and the family of the code. A family is what Twilio's first digits stand for
/// (11 to 12 our endpoints, 20 the platform, 21 requests, 30 delivery, 35 scheduling, 60 Verify and Lookup, 63 other
/// channels); within a family no number says anything about its neighbours.
pub fn rule_code(surface: Surface, http_status: Option<u16>, code: Option<i32>) -> i32 {
    if let Some(known) = code.and_then(lookup) {
        return known.code;
    }
    let family = code.map(|code| code / 1000);
    match (surface, http_status.unwrap_or(400)) {
        (Surface::Request, 429) => -3,
        // Without a code of Twilio's these speak of the credentials, the account or the address, never of the text.
        (Surface::Request, 401 | 403 | 404 | 405 | 407) => -4,
        (Surface::Request, 400..=407 | 409..=499) => -1,
        (Surface::Request, _) => -2,
        (Surface::Callback, _) => match family {
            None | Some(30) => -5,
            Some(20) => -6,
            Some(_) => -7,
        },
        (Surface::Verify, 429) => -9,
        (Surface::Verify, 500..) => -10,
        (Surface::Verify, _) => -8,
        (Surface::Lookup, _) => -11,
    }
}

/// The rule for an error, as [`rule_code`] finds it. The database may hold another one under the same number, because its
/// owner edited the row.
pub fn rule(surface: Surface, http_status: Option<u16>, code: Option<i32>) -> &'static ErrorCode {
    let found = rule_code(surface, http_status, code);
    let Some(rule) = lookup(found).or_else(|| DEFAULTS.iter().find(|rule| rule.code == found))
    else {
        unreachable!("rule_code() names rows of the two files; a test walks them")
    };
    rule
}

/// First and longest delay in seconds of a rule of this category that has none of its own.
pub fn usual_delay_seconds(category: &str) -> (i32, i32) {
    match category {
        "rate_limit" => (300, 3600),
        "carrier_issue" => (180, 3600),
        _ => (60, 3600),
    }
}

/// The entry of one code; `None` for codes that are not in the catalogue.
pub fn lookup(code: i32) -> Option<&'static ErrorCode> {
    let position = CODES.binary_search_by_key(&code, |entry| entry.code).ok()?;
    CODES.get(position)
}

fn rows(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().skip(1)
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
