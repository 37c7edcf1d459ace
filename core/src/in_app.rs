//! What a notification inside the application takes from a payload beside its text: a title, and where a click leads.

use crate::template::harmless;

/// Longest title, in characters.
const MOST_TITLE: usize = 200;
/// Longest address, in bytes.
const MOST_ADDRESS: usize = 2048;

/// A title as it may be shown: one line, harmless, not endless; `None` if nothing is left.
pub fn title(value: &str) -> Option<String> {
    let line = harmless(value).replace('\n', " ");
    let title: String = line.trim().chars().take(MOST_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

/// An address that a click may lead to: http, https, or a path of the application itself. `None` for anything else: a script,
/// another host in disguise (`//host`), spaces or control characters.
pub fn action_url(value: &str) -> Option<&str> {
    let is_path = value.starts_with('/') && !value[1..].starts_with(['/', '\\']);
    let is_web = ["https://", "http://"].iter().any(|scheme| {
        let start = value.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && value.len() > scheme.len()
    });
    let is_clean = value.len() <= MOST_ADDRESS
        && harmless(value) == value
        && !value.contains(|c: char| c.is_whitespace() || c.is_control());
    ((is_path || is_web) && is_clean).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_are_one_harmless_line() {
        assert_eq!(title(" Hello\nyou\u{202e} ").as_deref(), Some("Hello you"));
        assert_eq!(title(" \u{200b}\t"), None);
        assert_eq!(title(&"x".repeat(500)).map(|title| title.len()), Some(200));
    }

    #[test]
    fn addresses_lead_to_the_web_or_into_the_application() {
        for good in ["/", "/tasks/1?x=y#z", "https://example.com/a", "HTTP://x"] {
            assert_eq!(action_url(good), Some(good));
        }
        for bad in [
            "",
            "tasks/1",
            "//example.com",
            "/\\example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "ftp://x",
            "https://example.com/a b",
            "/a\nb",
            "/a\u{202e}b",
            " /a",
        ] {
            assert_eq!(action_url(bad), None, "{bad:?}");
        }
        assert_eq!(action_url(&format!("/{}", "x".repeat(MOST_ADDRESS))), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "\\PC{0,20}|[/\\\\:a-z\u{200b}]{0,12}") {
            title(&value);
            action_url(&value);
        }
    }
}
