//! Printing errors with everything that caused them.

use std::error::Error;

/// The message of `error` and of each error below it, joined by `: `. A cause that its parent already shows is left
/// out; lines are joined, so that a log line stays one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text.split('\n')
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot do it")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no way\nHINT: try elsewhere")]
    struct Inner;

    #[test]
    fn the_whole_chain_stands_on_one_line() {
        assert_eq!(
            chain(&Outer(Inner)),
            "cannot do it: no way; HINT: try elsewhere"
        );
    }
}
