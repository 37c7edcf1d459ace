//! Where status callbacks go: the StatusCallback URL and the connection overrides in its fragment.
//!
//! Source: <https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>.

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;

/// A valid StatusCallback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallbackTarget {
    /// What is called: the URL without its fragment and its user.
    pub(crate) url: Url,
    /// User and password of the URL, for receivers that ask for them.
    pub(crate) credentials: Option<(String, String)>,
    /// What is signed: scheme and host as the client wrote them, path and query as they go over the wire.
    pub(crate) signed_url: String,
    /// Time-outs and retries.
    pub(crate) overrides: ConnectionOverrides,
    /// The override Twilio would refuse; the defaults are used.
    pub(crate) refused_override: Option<String>,
}

/// Time-outs and retries of one callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionOverrides {
    /// `ct`: for the connection.
    pub(crate) connect: Duration,
    /// `rt`: for the answer.
    pub(crate) read: Duration,
    /// `tt`: for all tries together.
    pub(crate) total: Duration,
    /// `rc`: tries after the first.
    pub(crate) retries: u32,
    retry_on: RetryPolicy,
}

/// `rp`: which outcomes are tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RetryPolicy {
    client_errors: bool,
    server_errors: bool,
    connect: bool,
    read: bool,
}

/// How one try of a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TryOutcome {
    /// The receiver answered with this HTTP status.
    Answered(u16),
    /// No connection.
    NoConnection,
    /// Connected, but no answer.
    NoAnswer,
}

/// An override Twilio would refuse.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection override {key}={value} is out of range or unknown")]
pub(crate) struct InvalidOverride {
    key: String,
    value: String,
}

impl CallbackTarget {
    /// Reads a StatusCallback. `None`: not an http or https URL with a host, or the host has an underscore (Twilio:
    /// 21609). Overrides Twilio would refuse are logged and the defaults are used.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        if !matches!(url.scheme(), "http" | "https") || host.contains('_') {
            return None;
        }
        let overrides = ConnectionOverrides::parse(url.fragment().unwrap_or_default());
        let refused_override = overrides.as_ref().err().map(ToString::to_string);
        if let Some(error) = &refused_override {
            tracing::warn!(%error, "StatusCallback fragment ignored; Twilio reports 11235 to 11243");
        }
        url.set_fragment(None);
        let signed_url = signed_url(text, &url);
        let credentials = take_credentials(&mut url);
        Some(Self {
            url,
            credentials,
            signed_url,
            overrides: overrides.unwrap_or_default(),
            refused_override,
        })
    }
}

/// Takes user and password out of the URL.
fn take_credentials(url: &mut Url) -> Option<(String, String)> {
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    let has_any = !user.is_empty() || url.password().is_some();
    // Neither fails: the URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    has_any.then_some((user, password))
}

/// The verifier on the other side joins its configured base URL and the request target, so the host must stay as the
/// client wrote it and the target must be what is sent.
fn signed_url(text: &str, url: &Url) -> String {
    let authority_start = text.find("://").map_or(0, |at| at + "://".len());
    let authority_length = text[authority_start..]
        .find(['/', '?', '#'])
        .unwrap_or(text.len() - authority_start);
    let base = &text[..authority_start + authority_length];
    let query = url.query().map(|query| format!("?{query}"));
    format!("{base}{}{}", url.path(), query.unwrap_or_default())
}

impl Default for ConnectionOverrides {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(5_000),
            read: Duration::from_millis(15_000),
            total: Duration::from_millis(15_000),
            retries: 1,
            retry_on: RetryPolicy {
                connect: true,
                ..RetryPolicy::default()
            },
        }
    }
}

impl ConnectionOverrides {
    /// Reads a fragment such as `ct=3000&rt=10000&tt=15000&rc=5&rp=all`; what is absent keeps Twilio's default.
    /// `sni` and `e` are checked and change nothing here; keys that are no overrides are let through.
    fn parse(fragment: &str) -> Result<Self, InvalidOverride> {
        let mut overrides = Self::default();
        for (key, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let valid = match &*key {
                "ct" => milliseconds(&value, 100..=10_000, &mut overrides.connect),
                "rt" => milliseconds(&value, 100..=15_000, &mut overrides.read),
                "tt" => milliseconds(&value, 100..=15_000, &mut overrides.total),
                "rc" => number(&value, 0..=5).map(|count| overrides.retries = count),
                "rp" => RetryPolicy::parse(&value).map(|policy| overrides.retry_on = policy),
                "sni" => matches!(&*value, "y" | "n").then_some(()),
                "e" => (!value.is_empty()
                    && value.bytes().all(|b| b.is_ascii_lowercase() || b == b','))
                .then_some(()),
                _ => Some(()),
            };
            valid.ok_or_else(|| InvalidOverride {
                key: key.into_owned(),
                value: value.into_owned(),
            })?;
        }
        Ok(overrides)
    }

    /// Whether the retry policy covers this outcome.
    pub(crate) fn retries_after(&self, outcome: TryOutcome) -> bool {
        match outcome {
            TryOutcome::Answered(400..=499) => self.retry_on.client_errors,
            TryOutcome::Answered(500..=599) => self.retry_on.server_errors,
            TryOutcome::Answered(_) => false,
            TryOutcome::NoConnection => self.retry_on.connect,
            TryOutcome::NoAnswer => self.retry_on.read,
        }
    }
}

impl RetryPolicy {
    fn parse(list: &str) -> Option<Self> {
        let mut policy = Self::default();
        for word in list.split(',') {
            match word {
                "4xx" => policy.client_errors = true,
                "5xx" => policy.server_errors = true,
                "ct" => policy.connect = true,
                "rt" => policy.read = true,
                "all" => {
                    policy = Self {
                        client_errors: true,
                        server_errors: true,
                        connect: true,
                        read: true,
                    };
                }
                _ => return None,
            }
        }
        Some(policy)
    }
}

fn number(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn milliseconds(text: &str, range: RangeInclusive<u32>, target: &mut Duration) -> Option<()> {
    *target = Duration::from_millis(number(text, range)?.into());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(text: &str) -> Option<String> {
        CallbackTarget::parse(text).map(|target| target.signed_url)
    }

    #[test]
    fn what_is_signed_is_the_written_host_and_the_sent_target() {
        let cases = [
            (
                "https://Example.org/a?m=1#rp=all",
                "https://Example.org/a?m=1",
            ),
            ("https://example.org:443/a", "https://example.org:443/a"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80/"),
            ("http://example.org?x=%41", "http://example.org/?x=%41"),
            (
                "http://user:pass@example.org/a b",
                "http://user:pass@example.org/a%20b",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(signed(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn user_and_password_are_signed_and_not_sent_at_once() {
        let target = CallbackTarget::parse("http://us%65r:p%40ss@example.org/a").unwrap();
        assert_eq!(target.url.as_str(), "http://example.org/a");
        assert_eq!(target.signed_url, "http://us%65r:p%40ss@example.org/a");
        let credentials = target.credentials.unwrap();
        assert_eq!(credentials, ("user".to_owned(), "p@ss".to_owned()));
        assert_eq!(
            CallbackTarget::parse("http://a.b/").unwrap().credentials,
            None
        );
    }

    #[test]
    fn no_url_or_no_host_or_an_underscore_is_refused() {
        for text in [
            "",
            "example.org/a",
            "ftp://example.org/",
            "http://",
            "http://a_b.example.org/",
        ] {
            assert_eq!(signed(text), None, "{text}");
        }
    }

    #[test]
    fn overrides_are_read() {
        let read =
            ConnectionOverrides::parse("ct=3000&rt=10000&tt=14000&rc=5&rp=all&sni=y&e=ashburn")
                .unwrap();
        assert_eq!(read.connect, Duration::from_secs(3));
        assert_eq!(read.read, Duration::from_secs(10));
        assert_eq!(read.total, Duration::from_secs(14));
        assert_eq!(read.retries, 5);
        for outcome in [
            TryOutcome::Answered(404),
            TryOutcome::Answered(503),
            TryOutcome::NoConnection,
            TryOutcome::NoAnswer,
        ] {
            assert!(read.retries_after(outcome), "{outcome:?}");
        }
        assert!(!read.retries_after(TryOutcome::Answered(204)));
    }

    #[test]
    fn by_default_only_a_missing_connection_is_tried_again() {
        let default = ConnectionOverrides::parse("").unwrap();
        assert_eq!(default.retries, 1);
        assert!(default.retries_after(TryOutcome::NoConnection));
        assert!(!default.retries_after(TryOutcome::NoAnswer));
        assert!(!default.retries_after(TryOutcome::Answered(500)));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for wrong in [
            "ct=99", "ct=10001", "rt=15001", "tt=x", "rc=6", "rp=6xx", "rp=", "sni=x", "e=",
        ] {
            assert!(ConnectionOverrides::parse(wrong).is_err(), "{wrong}");
        }
        let list = ConnectionOverrides::parse("rp=4xx,5xx").unwrap();
        assert!(list.retries_after(TryOutcome::Answered(500)));
        assert!(!list.retries_after(TryOutcome::NoConnection));
    }

    #[test]
    fn a_target_with_wrong_overrides_keeps_the_defaults() {
        let target = CallbackTarget::parse("http://example.org/#rc=9").unwrap();
        assert_eq!(target.overrides, ConnectionOverrides::default());
        let refused = target.refused_override.unwrap();
        assert!(refused.contains("rc=9"), "{refused}");
    }
}
