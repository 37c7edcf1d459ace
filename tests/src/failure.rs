//! The one error type of the harness: a sentence for the person who reads the test's report.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// Why something of the harness did not work. Made from any error by `?`, which adds the place and the chain of causes.
pub struct Failure(String);

/// What a function of the harness gives.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure in one's own words.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Like `Display`: the test runner prints the `Debug` form, and a report of many lines has to stay readable there.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

// `Failure` is no `Error` itself: that is what allows this conversion from all of them.
impl<E: Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Failure {
        Failure(format!("{} ({})", with_causes(&error), Location::caller()))
    }
}

/// Says what was being done when an error came up.
pub trait Explain<T> {
    /// Turns the error into a failure that starts with `what`.
    fn explain(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Error> Explain<T> for Result<T, E> {
    fn explain(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{}: {}", what(), with_causes(&error))))
    }
}

/// The error's text with that of its causes; tokio-postgres, for one, says only "db error" at the top.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Outcome<u16> {
        Ok("70000".parse::<u16>()?)
    }

    #[test]
    fn a_converted_error_names_its_place() {
        let failure = fails().unwrap_err();
        assert!(
            failure.to_string().contains("number too large"),
            "{failure}"
        );
        assert!(failure.to_string().contains("failure.rs:"), "{failure}");
        assert_eq!(failure.to_string(), format!("{failure:?}"));
    }

    #[test]
    fn an_explanation_comes_first() {
        let failure = "x"
            .parse::<u16>()
            .explain(|| "port \"x\"".to_string())
            .unwrap_err();
        assert_eq!(
            failure.to_string(),
            "port \"x\": invalid digit found in string"
        );
    }
}
